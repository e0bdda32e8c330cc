"""Which engines a finished run is measured on, before and after, and where the figures go in the record."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from accel.core.console import Console
from accel.core.facts import SEQUENCE_LENGTH
from accel.core.hardware import has_bf16_products
from accel.core.steps import Steps
from accel.engines import Engine, Inputs
from accel.engines.aotinductor import AotInductor
from accel.engines.cuda import SPARSE, Cuda
from accel.engines.eager import Eager
from accel.engines.inductor import Inductor
from accel.engines.onnxruntime import OnnxRuntime
from accel.engines.openvino import OpenVino
from accel.export.export import Exported
from accel.export.formats import (
    FORMATS,
    ONNX,
    ONNX_INT8,
    OPENVINO,
    OPENVINO_INT8,
    PT2_INT8,
    Format,
    float_copy,
    formats_in,
    plain_pt2,
)
from accel.export.onnx import UnsupportedError, quantize_onnx, random_inputs
from accel.measure.cold_load import ROUNDS as COLD_LOADS
from accel.measure.cold_load import ColdLoadError, cold_load
from accel.measure.timing import (
    THROUGHPUT_BATCH,
    Candidate,
    Cost,
    Measurement,
    measure,
    size_of,
    summarize,
)
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import SCALE, ZERO, Int8Rows
from accel.ops.quantize.quantized_layers import multiplies_int8, quantized
from accel.ops.quantize.schemes import Int8
from accel.ops.sparse.semi_structured import sparse_layers
from accel.weights import artifact


def measure_run(
    record: dict[str, Any],
    exported: Exported,
    dense: Path | None,
    engines: list[str],
    console: Console,
    folder: Path,
    rounds: int | None = None,
) -> None:
    """Measure the exported model, and the dense baseline beside it, and write the figures into the record.

    Args:
        dense: the baseline's exported folder.
        engines: names of the engines to use.
        rounds: how often each engine is timed; as ``measure`` has it if not given.
    """
    console.say(f"\nMeasuring at batch 1, {SEQUENCE_LENGTH} tokens, {torch.get_num_threads()} threads")
    model = exported.model
    before = dense_candidates(dense, engines, console) if dense is not None else []
    after = candidates(model, folder / "model", engines)
    one = random_inputs(model, 1, SEQUENCE_LENGTH)
    many = {name: np.repeat(value, THROUGHPUT_BATCH, axis=0) for name, value in one.items()}
    files = {export["format"]: FORMATS[export["format"]] for export in record["exports"] if export["format"] in FORMATS}
    beside = _files_beside(files.values(), after, folder / "model")
    step = Steps(console.say, len(before) + len(after) + len(beside) + 1 + len(files))
    found = measure(before, after, one, many, beside=beside, rounds=rounds, on_progress=step)
    found.skipped |= exported.skipped
    for export in record["exports"]:
        if export["format"] in files:
            step(f"first answer of {files[export['format']].file}, each time in a process of its own")
            export |= _of_file(files[export["format"]], folder / "model", found, one, rounds)
        elif (cost := next((c for c in found.after if c.engine == Eager.name), None)) is not None:
            export["latency_ms_p50"] = cost.latency_ms_p50  # safetensors are what eager PyTorch reads
    record["measurement"] = summarize(found)
    record["after"] |= _costs(found, found.after)
    if record["before"] is not None:
        record["before"] |= _costs(found, found.before)


def _files_beside(files: Iterable[Format], after: Sequence[Candidate], folder: Path) -> list[Candidate]:
    """Those of the run's files that are not its engines' choice, such as a quantized model's in fp32."""
    labels = {candidate.label for candidate in after}
    return [Candidate(f.label, partial(f.load, folder), after[0].size) for f in files if f.label not in labels]


def _of_file(format: Format, folder: Path, found: Measurement, one: Inputs, rounds: int | None) -> dict[str, Any]:
    """What a file is like for whoever has nothing else."""
    p50 = {cost.label: cost.latency_ms_p50 for cost in (*found.after, *found.beside)}
    figures: dict[str, Any] = {"latency_ms_p50": p50.get(format.label)}
    given = {name: rows[0].tolist() for name, rows in one.items()}
    try:
        times = rounds and min(rounds, COLD_LOADS)
        return figures | asdict(cold_load(format.engine, folder / format.file, given, times))
    except ColdLoadError as error:
        found.skipped[f"cold load of {format.file}"] = str(error)
        return figures


def _costs(found: Measurement, side: list[Cost]) -> dict[str, Any]:
    if not side:
        return {"cost": {}, "engines": []}
    return {"cost": asdict(found.fastest(side)), "engines": [asdict(cost) for cost in side]}


def dense_candidates(folder: Path, engines: list[str], console: Console) -> list[Candidate]:
    """The dense model on every engine a user could take instead, in int8 too: rounded without any training."""
    model = artifact.load_model(folder)
    for name, (formats, round_it) in _DENSE_FILES.items():
        if name in engines and not (folder / formats[-1].file).is_file():
            console.say(f"  exporting the dense baseline for {name}, once")
            try:
                for format in formats[:-1]:
                    format.write(model, folder)
                round_it(model, folder)
            except UnsupportedError as error:
                console.say(f"  {error}")
    return candidates(model, folder, engines)


def _round_by_onnxruntime(model: nn.Module, folder: Path) -> None:
    del model
    quantize_onnx(folder / ONNX.file, folder / ONNX_INT8.file)


def _round_by_accel(format: Format, model: nn.Module, folder: Path) -> None:
    """For what has no quantizer of its own: the weights are rounded as ``compression=[ptq]`` does."""
    rounded = copy.deepcopy(model)
    fake_quantize.prepare(rounded, Int8(Int8Rows()))
    format.write(fake_quantize.convert(rounded), folder)


_DENSE_FILES: Mapping[str, tuple[Sequence[Format], Callable[[nn.Module, Path], None]]] = {
    OnnxRuntime.name: ((ONNX, ONNX_INT8), _round_by_onnxruntime),
    OpenVino.name: ((OPENVINO, OPENVINO_INT8), partial(_round_by_accel, OPENVINO_INT8)),
    AotInductor.name: ((*plain_pt2(), PT2_INT8), partial(_round_by_accel, PT2_INT8)),
}


def candidates(model: nn.Module, folder: Path, engines: Sequence[str]) -> list[Candidate]:
    """The model on every named engine that can run it.

    Args:
        folder: where it was exported, for engines that load a file.
    """
    one = random_inputs(model, 1, SEQUENCE_LENGTH)
    size = size_of(float_copy(model), one, *_parameters(model))
    made: dict[str, Callable[[], Engine]] = {}
    for name in engines:
        made |= ENGINES[name](model, folder)
    return [Candidate(label, make, size) for label, make in made.items()]


def _eager(model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Engine]]:
    dtype = "int8" if multiplies_int8(model) else "float32"
    return {f"eager {dtype}": partial(Eager, model, dtype, artifact.shipped_bytes(folder))}


def _inductor(model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Engine]]:
    size = artifact.shipped_bytes(folder)
    if multiplies_int8(model):
        return {"inductor int8": partial(Inductor, model, "int8", size)}
    formats = ["float32", *(["bfloat16"] if has_bf16_products() else [])]
    plain = float_copy(model)  # freezing reads weight-only layers into the dtype that they compute in anyway
    return {f"inductor {dtype}": partial(Inductor, plain, dtype, size) for dtype in formats}


def _aotinductor(model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Engine]]:
    return {f.label: partial(f.load, folder) for f in formats_in(folder, model, AotInductor)}


def _onnxruntime(model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Engine]]:
    return {f.label: partial(f.load, folder) for f in formats_in(folder, model, OnnxRuntime)}


def _openvino(model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Engine]]:
    """Its fp32 file is read in bf16 too, which OpenVINO does by itself where the processor has such products."""
    found = formats_in(folder, model, OpenVino)
    made: dict[str, Callable[[], Engine]] = {f.label: partial(f.load, folder) for f in found}
    if OPENVINO in found and has_bf16_products():
        made["openvino bfloat16"] = partial(OPENVINO.load, folder, "bfloat16")
    return made


def _cuda(model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Engine]]:
    plain, size = float_copy(model), artifact.shipped_bytes(folder)
    formats = ["float16", *([SPARSE] if sparse_layers(plain) else [])]
    return {f"cuda {dtype}": partial(Cuda, plain, dtype, size) for dtype in formats}


ENGINES: dict[str, Callable[[nn.Module, Path], Mapping[str, Callable[[], Engine]]]] = {
    "eager": _eager,
    "inductor": _inductor,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "aotinductor": _aotinductor,
    "cuda": _cuda,
}


def _parameters(model: nn.Module) -> tuple[int, int]:
    """(parameters, those that are not zero); scales are not parameters, and two int4 weights in a byte are two."""
    if any(layer.bits == 4 for layer in quantized(model)):
        model = float_copy(model)
    state = {name: v for name, v in model.state_dict().items() if not name.endswith((SCALE, ZERO))}
    seen: dict[Any, torch.Tensor] = {(v.data_ptr(), v.shape): v for v in state.values()}
    return sum(v.numel() for v in seen.values()), sum(int((v != 0).sum()) for v in seen.values())
