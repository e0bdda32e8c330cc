"""Exports a trained model: each format is written, reloaded, compared with the model, and scored again."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from accel import artifact
from accel.engines.onnxruntime import OnnxRuntime
from accel.errors import DataError, ExitCode
from accel.metrics import Report, evaluate
from accel.onnx_export import (
    ExportError,
    Parity,
    export_onnx,
    parity,
    quantize_onnx,
    random_inputs,
    require_parity,
    require_rounded_parity,
)
from accel.onnx_layers import bits_of, compute_in_int8, has_operators, with_operators
from accel.ops.quantized_layers import multiplies_int8, quantized, to_float

if TYPE_CHECKING:
    from accel.console import Console
    from accel.data.prepared import Prepared

ONNX, ONNX_INT8, ONNX_INT4 = "model.onnx", "model.int8.onnx", "model.int4.onnx"
FORMATS = {"onnx": ONNX, "onnx-int8": ONNX_INT8, "onnx-int4": ONNX_INT4}
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
    onnx: bool,
) -> Exported:
    """Write ``folder/model`` and prove that what is in it is the trained model.

    Raises:
        ExportError: a reloaded model computes something else.
    """
    target = folder / "model"
    console.say("\nExporting")
    artifact.save_model(model, data.tokenizer, target, **data.artifact_facts())
    reloaded = artifact.load_model(target)
    difference = _difference(model, reloaded)
    if not difference <= RELOAD_TOLERANCE:
        raise ExportError(f"{target} computes something else than the trained model (by {difference:.1e}).")
    report = score(reloaded)
    exports = [Export("safetensors", "model", artifact.shipped_bytes(target), difference, report.metrics)]
    skipped: dict[str, str] = {}
    if onnx:
        try:
            exports += export_to_onnx(reloaded, target, data)
        except ExportError as error:
            if (target / ONNX).exists():
                raise
            skipped["onnx"] = str(error)
            console.say(f"  onnx left out: {error}")
    for export in exports:
        console.say(f"  {export.format:<12} {export.size_bytes / 1e6:7.1f} MB  max |diff| {export.max_abs_diff:.1e}")
    return Exported(reloaded, report, exports, skipped)


def export_to_onnx(model: nn.Module, target: Path, data: Prepared | None) -> list[Export]:
    """``model.onnx`` in fp32, and for a quantized model a file with its own rounded weights too.

    Raises:
        ExportError: the architecture has no ONNX form, or the file is not the model; then no file is kept.
    """
    plain = float_copy(model)
    made = [_onnx(plain, target, "onnx", data)]
    if has_operators(model):
        made.append(_onnx(model, target, quantized_format(model), data))
    return made


def quantized_format(model: nn.Module) -> str:
    """Name of the ONNX format that keeps the model's rounded weights."""
    return f"onnx-int{bits_of(model)}"


def write_quantized(model: nn.Module, file: Path) -> None:
    """Write a quantized model with its own weights; weight-only layers compute with fp32 activations.

    Raises:
        ExportError: the architecture has no ONNX form.
    """
    export_onnx(with_operators(model), file)


def _onnx(model: nn.Module, target: Path, name: str, data: Prepared | None) -> Export:
    """Export, prove that the file is the model, and only then let weight-only layers take their faster kernel."""
    file = target / FORMATS[name]
    try:
        if name == "onnx":
            export_onnx(model, file)
            return _checked(model, target, name, data, require=require_parity)
        write_quantized(model, file)
        if multiplies_int8(model):
            return _checked(model, target, name, data, require=require_rounded_parity)
        _checked(float_copy(model), target, name, None, require=require_parity)
        compute_in_int8(file)
        return _checked(model, target, name, data)
    except ExportError:
        if file.exists():
            file.rename(target / f"{file.name}.rejected")
        raise


def _checked(
    reference: nn.Module,
    target: Path,
    name: str,
    data: Prepared | None,
    require: Callable[[Parity, str], None] = lambda found, what: None,
) -> Export:
    file = target / FORMATS[name]
    engine = OnnxRuntime(file, name.removeprefix("onnx-") if name != "onnx" else "float32", 0, torch.get_num_threads())
    found = parity(reference, engine)
    require(found, file.name)
    metrics = _score_engine(engine, data) if data is not None else {}
    size = artifact.shipped_bytes(target, [file.name])
    return Export(name, f"model/{file.name}", size, found.max_abs_diff, metrics)


def _score_engine(engine: OnnxRuntime, data: Prepared) -> dict[str, float]:
    def logits(inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.from_numpy(engine.run({name: value.numpy() for name, value in inputs.items()}))

    return evaluate(logits, data.test_batches(), len(data.label_names)).metrics


def _difference(model: nn.Module, other: nn.Module) -> float:
    inputs = {k: torch.from_numpy(v) for k, v in random_inputs(model, 4, 32).items()}
    with torch.inference_mode():
        return float((model(**inputs).logits - other(**inputs).logits).abs().max())


def float_copy(model: nn.Module) -> nn.Module:
    """The model itself, or for a quantized model an fp32 copy of the same values."""
    return to_float(copy.deepcopy(model)) if quantized(model) else model


def main(words: Sequence[str]) -> int:
    """``accel export RUN``: write a finished run's ONNX files again, each compared with the model.

    Raises:
        DataError: the folder holds no exported model.
        ExportError: a file is not the model.
    """
    parser = argparse.ArgumentParser(prog="accel export", description="Further formats of a finished run.")
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("--format", default="onnx", choices=sorted(FORMATS), help="what to write")
    arguments = parser.parse_args(words)
    target = Path(arguments.run) / "model"
    if not target.is_dir():
        raise DataError(f"{arguments.run} has no model/ folder: give the folder of a finished run.")
    model = artifact.load_model(target)
    made: list[Any] = export_to_onnx(model, target, None)
    if arguments.format not in [export.format for export in made]:
        if arguments.format != "onnx-int8":
            raise DataError(f"{arguments.run} is not in int4: train it with scheme=int4_weight_only, or use onnx-int8.")
        quantize_onnx(target / ONNX, target / ONNX_INT8)
        made.append(_checked(model, target, "onnx-int8", None))
    for export in made:
        print(f"{export.path}  {export.size_bytes / 1e6:.1f} MB  max |diff| {export.max_abs_diff:.1e}")  # noqa: T201
    return ExitCode.DONE
