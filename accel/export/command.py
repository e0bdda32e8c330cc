"""``accel export``: further formats of a finished run; what cannot be is told without torch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from accel.errors import DataError, ExitCode, did_you_mean
from accel.export.formats import FORMATS, ONNX, Format, makeable
from accel.weights.meta import read_meta

_WANTS = {
    "onnx-int4": "train it with scheme=int4_weight_only, or use onnx-int8",
    "openvino": "its weights are in int8, use openvino-int8",
    "pt2": "its products are in int8, use pt2-int8",
    "pt2-bf16": "bf16 is for a model without int8 products, on a processor that multiplies bf16: use pt2 or pt2-int8",
    "pt2-int8": "train it with compression=[qat] or [ptq] and scheme=int8, or use pt2",
    "openvino-int8": "train it with compression=[qat] or [ptq] and scheme=int8, or use openvino",
}


def main(words: Sequence[str]) -> int:
    """Write files of a finished run for an engine, each compared with the model.

    Raises:
        DataError: the folder holds no exported model, or there is no such format of it.
        ExportError: a file is not the model.
    """
    arguments = _parser().parse_args(words)
    formats = [_format(name) for name in arguments.format.split(",")]
    target = Path(arguments.run).expanduser() / "model"
    if not target.is_dir():
        raise DataError(f"{arguments.run} has no model/ folder: give the folder of a finished run.")
    read_meta(target)
    _export(arguments.run, target, formats)
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel export", description="Further formats of a finished run.")
    parser.add_argument("run", help="a run's folder")
    parser.add_argument(
        "--format", default=ONNX.name, metavar="FORMAT[,FORMAT]", help=f"what to write: {', '.join(sorted(FORMATS))}"
    )
    return parser


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise DataError(f"--format {name}: there is no such format. {did_you_mean(name, FORMATS)}")
    return FORMATS[name]


def _export(run: str, target: Path, formats: Sequence[Format]) -> None:
    from accel.export.export import export_again  # torch only once there is something to do
    from accel.weights import artifact

    model = artifact.load_model(target)
    for format in formats:
        if format not in makeable(model):
            raise DataError(f"{run} has no {format.name}: {_WANTS[format.name]}.")
    for format in formats:
        for export in export_again(model, target, format):
            print(f"{export.path}  {export.size_bytes / 1e6:.1f} MB  max |diff| {export.max_abs_diff:.1e}")  # noqa: T201
