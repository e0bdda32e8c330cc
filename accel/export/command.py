"""``accel export``: further formats of a finished run; what cannot be is told without torch."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from accel.engines import FileEngine, file_engines
from accel.engines.onnxruntime import ONNX
from accel.errors import DataError, ExitCode, did_you_mean
from accel.export.formats import Format
from accel.weights.meta import read_meta


def main(words: Sequence[str]) -> int:
    """Write files of a finished run for an engine, each compared with the model.

    Raises:
        DataError: the folder holds no exported model, or there is no such format of it.
        ExportError: a file is not the model.
    """
    known = {format.name: (format, engine) for engine in file_engines() for format in engine.formats}
    arguments = _parser(sorted(known)).parse_args(words)
    chosen = [_found(name, known) for name in arguments.format.split(",")]
    target = Path(arguments.run).expanduser() / "model"
    if not target.is_dir():
        raise DataError(f"{arguments.run} has no model/ folder: give the folder of a finished run.")
    read_meta(target)
    _export(arguments.run, target, chosen)
    return ExitCode.DONE


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel export", description="Further formats of a finished run.")
    parser.add_argument("run", help="a run's folder")
    parser.add_argument(
        "--format", default=ONNX.name, metavar="FORMAT[,FORMAT]", help=f"what to write: {', '.join(names)}"
    )
    return parser


Chosen = tuple[Format, FileEngine]
"""A format, and the engine that writes it."""


def _found(name: str, known: Mapping[str, Chosen]) -> Chosen:
    if name not in known:
        raise DataError(f"--format {name}: there is no such format. {did_you_mean(name, known)}")
    return known[name]


def _export(run: str, target: Path, chosen: Sequence[Chosen]) -> None:
    from accel.weights import artifact  # torch only once there is something to do

    model = artifact.load_model(target)
    for format, engine in chosen:
        if format not in engine.makeable(model):
            raise DataError(f"{run} has no {format.name}: {format.instead}.")
    for format, engine in chosen:
        for export in engine.export_as(model, target, format):
            print(f"{export.path}  {export.size_bytes / 1e6:.1f} MB  max |diff| {export.max_abs_diff:.1e}")  # noqa: T201
