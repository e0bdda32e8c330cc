"""Exports a trained model: each format is written, reloaded, compared with the model, and scored again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from accel.core.engine import Engine, EngineUnavailableError, Runner
from accel.core.facts import SEQUENCE_LENGTH
from accel.core.steps import Steps
from accel.export.formats import Format, float_copy
from accel.export.onnx import (
    ExportError,
    Parity,
    UnsupportedError,
    parity,
    random_inputs,
    require_parity,
    require_rounded_parity,
)
from accel.objective.scores import Report, evaluate
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
    engines: Sequence[Engine],
) -> Exported:
    """Write ``folder/model`` and prove that what is in it is the trained model.

    Args:
        engines: those that the model is made ready for.

    Raises:
        ExportError: a reloaded model computes something else.
    """
    target = folder / "model"
    console.say("\nExporting")
    writers = [engine for engine in engines if engine.has_files]
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
    for engine in writers:
        step(f"for {engine.option_name()}: written, compared, scored")
        made = _or_why_not(engine, reloaded, target, data, skipped, console)
        _tell(made, console)
        exports += made
    return Exported(reloaded, report, exports, skipped)


def _tell(made: Sequence[Export], console: Console) -> None:
    for export in made:
        console.say(f"  {export.format:<13} {export.size_bytes / 1e6:7.1f} MB  max |diff| {export.max_abs_diff:.1e}")


def _or_why_not(
    engine: Engine, model: nn.Module, target: Path, data: Prepared, skipped: dict[str, str], console: Console
) -> list[Export]:
    name = engine.option_name()
    try:
        return engine.export(model, target, data)
    except UnsupportedError as error:
        skipped[name] = str(error)
        console.say(f"  {name} left out: {error}")
        return []


def proven(model: nn.Module, target: Path, format: Format, data: Prepared | None) -> Export:
    """Write a file, compare it with the model, and score it if there is data.

    Raises:
        UnsupportedError: the architecture has no such form, or it cannot be made or run here.
        ExportError: it is not that model; it is renamed.
    """
    reference = model if format.dtype == "int8" else float_copy(model)
    format.write(reference, target)
    require = require_parity if format.dtype == "float32" else require_rounded_parity
    return checked(reference, target, format, data, require)


def checked(
    reference: nn.Module,
    target: Path,
    format: Format,
    data: Prepared | None,
    require: Callable[[Parity, str], None] = lambda found, what: None,
    dtype: str | None = None,
) -> Export:
    """Compare a file with the model that it should be, and score it.

    Raises:
        UnsupportedError: it cannot be run here.
        ExportError: it is not that model.
    """
    try:
        runner = format.load(target, dtype)
        runner.prepare(random_inputs(reference, 1, SEQUENCE_LENGTH))
        found = parity(reference, runner)
        require(found, format.file)
    except EngineUnavailableError as error:
        format.reject(target)
        raise UnsupportedError(str(error)) from error
    except ExportError:
        format.reject(target)
        raise
    metrics = _scored(runner, data) if data is not None else {}
    return Export(format.name, f"model/{format.file}", format.size_bytes(target), found.max_abs_diff, metrics)


def _scored(runner: Runner, data: Prepared) -> dict[str, float]:
    def logits(inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.from_numpy(runner.run({name: value.numpy() for name, value in inputs.items()}))

    return evaluate(logits, data.test_batches(), data.objective.scores(data.test)).metrics


def _difference(model: nn.Module, other: nn.Module) -> float:
    inputs = {k: torch.from_numpy(v) for k, v in random_inputs(model, 4, 32).items()}
    with torch.inference_mode():
        return float((model(**inputs).logits - other(**inputs).logits).abs().max())
