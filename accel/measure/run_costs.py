"""Which engines a finished run is measured on, before and after, and where the figures go in the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from accel.core.console import Console
from accel.core.engine import Engine, Inputs
from accel.core.facts import SEQUENCE_LENGTH
from accel.core.steps import Steps
from accel.engines import FileEngine
from accel.export.export import Exported
from accel.export.formats import Format, float_copy
from accel.export.onnx import UnsupportedError, random_inputs
from accel.measure.cold_load import ROUNDS as COLD_LOADS
from accel.measure.cold_load import ColdLoadError, cold_load
from accel.measure.timing import (
    PLAIN,
    THROUGHPUT_BATCH,
    Candidate,
    Cost,
    Measurement,
    measure,
    size_of,
    summarize,
)
from accel.ops.quantize.grids import SCALE, ZERO
from accel.ops.quantize.quantized_layers import quantized
from accel.weights import artifact


def measure_run(
    record: dict[str, Any],
    exported: Exported,
    dense: Path | None,
    engines: Sequence[Engine],
    console: Console,
    folder: Path,
    rounds: int | None = None,
) -> None:
    """Measure the exported model, and the dense baseline beside it, and write the figures into the record.

    Args:
        dense: the baseline's exported folder.
        engines: those to use.
        rounds: how often each engine is timed; as ``measure`` has it if not given.
    """
    console.say(f"\nMeasuring at batch 1, {SEQUENCE_LENGTH} tokens, {torch.get_num_threads()} threads")
    model = exported.model
    before = dense_candidates(dense, engines, console) if dense is not None else []
    after = candidates(model, folder / "model", engines)
    one = random_inputs(model, 1, SEQUENCE_LENGTH)
    many = {name: np.repeat(value, THROUGHPUT_BATCH, axis=0) for name, value in one.items()}
    files = {file.format.name: file for file in _files(engines, {export["format"] for export in record["exports"]})}
    beside = _files_beside(list(files.values()), after, folder / "model")
    step = Steps(console.say, len(before) + len(after) + len(beside) + 1 + len(files))
    found = measure(before, after, one, many, beside=beside, rounds=rounds, on_progress=step)
    found.skipped |= exported.skipped
    for export in record["exports"]:
        if (file := files.get(export["format"])) is not None:
            step(f"first answer of {file.format.file}, each time in a process of its own")
            export |= _of_file(file, folder / "model", found, one, rounds)
        elif (cost := next((c for c in found.after if c.engine == PLAIN), None)) is not None:
            export["latency_ms_p50"] = cost.latency_ms_p50  # safetensors are what plain PyTorch reads
    record["measurement"] = summarize(found)
    record["after"] |= _costs(found, found.after)
    if record["before"] is not None:
        record["before"] |= _costs(found, found.before)


@dataclass(frozen=True)
class _File:
    """A format that the run has written, and the name of the engine that reads it."""

    format: Format
    engine: str

    @property
    def label(self) -> str:
        """As its figures are called."""
        return f"{self.engine} {self.format.dtype}"


def _files(engines: Sequence[Engine], names: set[str]) -> Iterator[_File]:
    for engine in engines:
        if isinstance(engine, FileEngine):
            yield from (_File(format, engine.option_name()) for format in engine.formats if format.name in names)


def _files_beside(files: Sequence[_File], after: Sequence[Candidate], folder: Path) -> list[Candidate]:
    """Those of the run's files that are not its engines' choice, such as a quantized model's in fp32."""
    labels = {candidate.label for candidate in after}
    return [
        Candidate(file.engine, file.format.dtype, partial(file.format.load, folder), after[0].size)
        for file in files
        if file.label not in labels
    ]


def _of_file(file: _File, folder: Path, found: Measurement, one: Inputs, rounds: int | None) -> dict[str, Any]:
    """What a file is like for whoever has nothing else."""
    p50 = {cost.label: cost.latency_ms_p50 for cost in (*found.after, *found.beside)}
    figures: dict[str, Any] = {"latency_ms_p50": p50.get(file.label)}
    given = {name: rows[0].tolist() for name, rows in one.items()}
    try:
        times = rounds and min(rounds, COLD_LOADS)
        return figures | asdict(cold_load(file.format.runner, folder / file.format.file, given, times))
    except ColdLoadError as error:
        found.skipped[f"cold load of {file.format.file}"] = str(error)
        return figures


def _costs(found: Measurement, side: list[Cost]) -> dict[str, Any]:
    if not side:
        return {"cost": {}, "engines": []}
    return {"cost": asdict(found.fastest(side)), "engines": [asdict(cost) for cost in side]}


def dense_candidates(folder: Path, engines: Sequence[Engine], console: Console) -> list[Candidate]:
    """The dense model on every engine a user could take instead, in int8 too: rounded without any training."""
    model = artifact.load_model(folder)
    for engine in engines:
        if not engine.has_dense(model, folder):
            console.say(f"  exporting the dense baseline for {engine.option_name()}, once")
            try:
                engine.write_dense(model, folder)
            except UnsupportedError as error:
                console.say(f"  {error}")
    return candidates(model, folder, engines)


def candidates(model: nn.Module, folder: Path, engines: Sequence[Engine]) -> list[Candidate]:
    """The model on every engine that can run it.

    Args:
        folder: where it was exported, for engines that load a file.
    """
    one = random_inputs(model, 1, SEQUENCE_LENGTH)
    size = size_of(float_copy(model), one, *_parameters(model))
    return [
        Candidate(engine.option_name(), dtype, make, size)
        for engine in engines
        for dtype, make in engine.candidates(model, folder).items()
    ]


def _parameters(model: nn.Module) -> tuple[int, int]:
    """(parameters, those that are not zero); scales are not parameters, and two int4 weights in a byte are two."""
    if any(layer.bits == 4 for layer in quantized(model)):
        model = float_copy(model)
    state = {name: v for name, v in model.state_dict().items() if not name.endswith((SCALE, ZERO))}
    seen: dict[Any, torch.Tensor] = {(v.data_ptr(), v.shape): v for v in state.values()}
    return sum(v.numel() for v in seen.values()), sum(int((v != 0).sum()) for v in seen.values())
