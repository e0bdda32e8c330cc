"""Exports a trained model: each format is written, reloaded, compared with the model, and scored again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from accel.core.facts import SEQUENCE_LENGTH
from accel.core.steps import Steps
from accel.engines import Engine, EngineUnavailableError
from accel.engines.aotinductor import AotInductor
from accel.engines.onnxruntime import OnnxRuntime
from accel.engines.openvino import OpenVino
from accel.export.formats import (
    ONNX,
    ONNX_INT8,
    OPENVINO,
    OPENVINO_INT8,
    PT2,
    PT2_INT8,
    Format,
    float_copy,
    formats_of,
    plain_pt2,
    quantized_onnx,
)
from accel.export.onnx import (
    ExportError,
    Parity,
    UnsupportedError,
    parity,
    quantize_onnx,
    random_inputs,
    require_coarse_parity,
    require_parity,
    require_rounded_parity,
)
from accel.export.onnx_layers import compute_in_int8, has_int8_weights, has_operators
from accel.objective.scores import Report, evaluate
from accel.ops.quantize.quantized_layers import multiplies_int8
from accel.weights import artifact

if TYPE_CHECKING:
    from accel.core.console import Console
    from accel.data.prepared import Prepared

RELOAD_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Export:
    """One file format of the finished model."""

    format: str
    path: str
    """Relative to the run's folder."""
    size_bytes: int
    """What must be shipped to use it."""
    max_abs_diff: float
    """Largest difference of a logit from the trained model."""
    metrics: dict[str, float]


@dataclass(frozen=True)
class Exported:
    """All formats, and the model as reloaded from its folder."""

    model: nn.Module
    report: Report
    exports: list[Export]
    skipped: dict[str, str]
    """Formats that this architecture does not have, and why."""


def export_all(
    model: nn.Module,
    data: Prepared,
    folder: Path,
    console: Console,
    score: Callable[[nn.Module], Report],
    *,
    engines: Collection[str],
) -> Exported:
    """Write ``folder/model`` and prove that what is in it is the trained model.

    Args:
        engines: names of those that the model is made ready for.

    Raises:
        ExportError: a reloaded model computes something else.
    """
    target = folder / "model"
    console.say("\nExporting")
    writers = {name: write for name, write in _WRITERS.items() if name in engines}
    step = Steps(console.say, 1 + len(writers))
    step("safetensors: written, loaded again, scored")
    artifact.save_model(model, data.tokenizer, target, **data.artifact_facts())
    reloaded = artifact.load_model(target)
    difference = _difference(reloaded, model)
    if not difference <= RELOAD_TOLERANCE:
        shutil.rmtree(rejected := target.with_name("model.rejected"), ignore_errors=True)
        target.rename(rejected)
        raise ExportError(f"{rejected} computes something else than the trained model (by {difference:.1e}).")
    report = score(reloaded)
    exports = [Export("safetensors", "model", artifact.shipped_bytes(target), difference, report.metrics)]
    _tell(exports, console)
    skipped: dict[str, str] = {}
    for name, write in writers.items():
        step(f"for {name}: written, compared, scored")
        made = _or_why_not(lambda write=write: write(reloaded, target, data), name, skipped, console)
        _tell(made, console)
        exports += made
    return Exported(reloaded, report, exports, skipped)


def _tell(made: Sequence[Export], console: Console) -> None:
    for export in made:
        console.say(f"  {export.format:<13} {export.size_bytes / 1e6:7.1f} MB  max |diff| {export.max_abs_diff:.1e}")


def _or_why_not(
    write: Callable[[], list[Export]], name: str, skipped: dict[str, str], console: Console
) -> list[Export]:
    try:
        return write()
    except UnsupportedError as error:
        skipped[name] = str(error)
        console.say(f"  {name} left out: {error}")
        return []


def export_to_onnx(model: nn.Module, target: Path, data: Prepared | None) -> list[Export]:
    """``model.onnx`` in fp32, and for a quantized model a file with its own rounded weights too.

    Raises:
        UnsupportedError: the architecture has no ONNX form.
        ExportError: a file is not the model; it is renamed.
    """
    plain = float_copy(model)
    ONNX.write(plain, target)
    made = [_checked(plain, target, ONNX, data, require_parity)]
    if has_operators(model):
        made.append(_quantized_onnx(model, target, data))
    return made


def _quantized_onnx(model: nn.Module, target: Path, data: Prepared | None) -> Export:
    """Prove that the file is the model, and only then let weight-only layers take their faster kernel."""
    format = quantized_onnx(model)
    format.write(model, target)
    if multiplies_int8(model):
        return _checked(model, target, format, data, require_rounded_parity)
    _checked(float_copy(model), target, format, None, require_parity)
    _let_compute_in_int8(model, target, format)
    return _checked(model, target, format, data, require_coarse_parity)


def export_to_openvino(model: nn.Module, target: Path, data: Prepared | None) -> list[Export]:
    """One file: the model in fp32, or in int8 where its weights are.

    An int8 file is first compared in fp32, which leaves no room for another weight, and then as it computes.

    Raises:
        UnsupportedError: OpenVINO is not installed, or cannot read this architecture.
        ExportError: the file is not the model; it is renamed.
    """
    plain = float_copy(model)
    if not has_int8_weights(model):
        OPENVINO.write(plain, target)
        return [_checked(plain, target, OPENVINO, data, require_parity)]
    OPENVINO_INT8.write(model, target)
    _checked(plain, target, OPENVINO_INT8, None, require_parity, dtype="float32")
    return [_checked(model, target, OPENVINO_INT8, data, require_rounded_parity)]


def export_to_pt2(model: nn.Module, target: Path, data: Prepared | None) -> list[Export]:
    """A compiled package: with the int8 products of the model, or else in fp32, and in bf16 where that is fast.

    Raises:
        UnsupportedError: there is no C++ compiler, or this architecture cannot be compiled.
        ExportError: a file is not the model; it is renamed.
    """
    if multiplies_int8(model):
        PT2_INT8.write(model, target)
        return [_checked(model, target, PT2_INT8, data, require_rounded_parity)]
    plain = float_copy(model)
    made = []
    for format in plain_pt2():
        format.write(plain, target)
        made.append(_checked(plain, target, format, data, require_parity if format is PT2 else require_rounded_parity))
    return made


_WRITERS = {OnnxRuntime.name: export_to_onnx, OpenVino.name: export_to_openvino, AotInductor.name: export_to_pt2}


def write_files(model: nn.Module, folder: Path, engines: Collection[str]) -> None:
    """Write the model's fastest form for each engine that runs files; nothing is compared, as it is only timed."""
    for format in formats_of(model):
        if format.engine.name in engines:
            with suppress(UnsupportedError):  # then the other engines are timed, as at the end of the run
                format.write(model, folder)
                _let_compute_in_int8(model, folder, format)


def _let_compute_in_int8(model: nn.Module, target: Path, format: Format) -> None:
    """For onnxruntime's weight-only layers, the faster kernel that a run ends with."""
    if has_operators(model) and format is quantized_onnx(model) and not multiplies_int8(model):
        compute_in_int8(target / format.file)
        format.note(target)


def _checked(
    reference: nn.Module,
    target: Path,
    format: Format,
    data: Prepared | None,
    require: Callable[[Parity, str], None] = lambda found, what: None,
    dtype: str | None = None,
) -> Export:
    """Compare a file with the model that it should be, and score it.

    Raises:
        UnsupportedError: the engine cannot run the file.
        ExportError: it is not that model.
    """
    try:
        engine = format.load(target, dtype)
        engine.prepare(random_inputs(reference, 1, SEQUENCE_LENGTH))
        found = parity(reference, engine)
        require(found, format.file)
    except EngineUnavailableError as error:
        format.reject(target)
        raise UnsupportedError(str(error)) from error
    except ExportError:
        format.reject(target)
        raise
    metrics = _score_engine(engine, data) if data is not None else {}
    return Export(format.name, f"model/{format.file}", format.size_bytes(target), found.max_abs_diff, metrics)


def _score_engine(engine: Engine, data: Prepared) -> dict[str, float]:
    def logits(inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.from_numpy(engine.run({name: value.numpy() for name, value in inputs.items()}))

    return evaluate(logits, data.test_batches(), data.objective.scores(data.test)).metrics


def _difference(model: nn.Module, other: nn.Module) -> float:
    inputs = {k: torch.from_numpy(v) for k, v in random_inputs(model, 4, 32).items()}
    with torch.inference_mode():
        return float((model(**inputs).logits - other(**inputs).logits).abs().max())


def export_again(model: nn.Module, target: Path, format: Format) -> list[Export]:
    """Write one format of a finished model, and what it is made from, each compared with the model.

    Raises:
        ExportError: a file is not the model.
    """
    made = _WRITERS[format.engine.name](model, target, None)
    if format.name not in [export.format for export in made]:  # an int8 file of a model that was not trained for it
        quantize_onnx(target / ONNX.file, target / ONNX_INT8.file)
        ONNX_INT8.note(target)
        made.append(_checked(model, target, ONNX_INT8, None))
    return made
