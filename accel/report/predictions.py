"""A run's predictions of its test split, in files of its folder; never of a private run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accel.behaviour.stored import Stored
from accel.report.examples import may_show

PREDICTIONS = "predictions"
"""A folder of the run's: ``after.npz``, and ``before.npz`` where there is a model before."""


def write_predictions(sides: Mapping[str, Stored], record: Mapping[str, Any], folder: Path) -> None:
    """Nothing where there are none, or where the record does not say that the run was not private."""
    if not sides or not may_show(record):
        return
    (folder / PREDICTIONS).mkdir(exist_ok=True)
    for side, stored in sides.items():
        stored.save(_file(folder, side))


def read_predictions(record: Mapping[str, Any], folder: Path, side: str) -> Stored | None:
    """What was written; nothing of a private run, whatever lies in its folder."""
    return Stored.read(_file(folder, side)) if may_show(record) else None


def _file(folder: Path, side: str) -> Path:
    return folder / PREDICTIONS / f"{side}.npz"
