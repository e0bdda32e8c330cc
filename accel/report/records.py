"""Finds the records of runs and sweeps on disk; one that cannot be read is told, never fatal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.config.redact import printable_json
from accel.report.figures import NOISY
from accel.report.record import RESULT, SCHEMA, SWEEP

PLACEMENT = ("hydra.", "hydra/", "group=", "name=", "sweep.", "resume=")
"""Overrides that say where a run goes and what it is called, not what it is."""
MOST_NAMED = 8
"""Runs that a remark names."""


@dataclass(frozen=True)
class Recorded:
    """A run as its folder tells it."""

    folder: Path
    record: Mapping[str, Any]

    def number(self, *path: str) -> float | None:
        """The figure at a path of the record; None where the run has none."""
        value: Any = self.record
        for part in path:
            value = _at(value, part)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def choices(self) -> dict[str, str]:
        """Group -> option; a list of options is joined by ``+``."""
        found = self.record.get("choices")
        return {str(k): joined(v) for k, v in found.items()} if isinstance(found, Mapping) else {}

    @property
    def overrides(self) -> list[str]:
        """What was typed, without what only places or names the run."""
        words = self.record.get("overrides")
        return [str(w) for w in words if not str(w).startswith(PLACEMENT)] if isinstance(words, list) else []


def _at(value: Any, part: str) -> Any:
    if isinstance(value, list) and part.isdecimal():
        return value[int(part)] if int(part) < len(value) else None
    return value.get(part) if isinstance(value, Mapping) else None


def joined(value: Any) -> str:
    """A choice as one word."""
    return "+".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def find(paths: Sequence[Path]) -> tuple[list[Recorded], list[str]]:
    """Every record at or below the paths, each folder once, and a sentence per record that had to be left out.

    Args:
        paths: folders of runs, folders of sweeps, folders of either, or ``result.json`` files.
    """
    found: dict[Path, Recorded] = {}
    remarks: list[str] = []
    for file in dict.fromkeys(f for path in paths for f in _files(path)):
        folder = file.parent.resolve()
        record = _read(file)
        if isinstance(record, str):
            remarks.append(f"{file} is left out: {record}.")
        else:
            found.setdefault(folder, Recorded(file.parent, record))
    return list(found.values()), remarks


def busy_remarks(runs: Sequence[Recorded]) -> list[str]:
    """Which runs were measured while their machine did other work: one sentence, if any were."""
    ratios = {run.folder.name: run.number("measurement", "noise_ratio") or 1.0 for run in runs}
    busy = {name: max(ratio, 1 / ratio) for name, ratio in ratios.items() if not 1 / NOISY < ratio < NOISY}
    if not busy:
        return []
    named = ", ".join(list(busy)[:MOST_NAMED]) + f" and {len(busy) - MOST_NAMED} more" * (len(busy) > MOST_NAMED)
    return [
        f"Measured on a busy machine, where an engine differed from itself by up to a factor {max(busy.values()):.2g}, "
        f"so their times say little: {named}."
    ]


def privacy_remarks(paths: Sequence[Path]) -> list[str]:
    """What each private sweep at the paths spent as a whole: its best run is never as private as that run alone."""
    remarks = []
    for path in paths:
        try:
            spent = json.loads((path / SWEEP).read_text("utf8")).get("privacy")
        except (OSError, ValueError, AttributeError):
            continue
        if spent:
            total = (
                f"epsilon {spent['epsilon']:.2f}"
                if spent["epsilon"] is not None
                else "no bound (test mode, or an audit refutes it)"
            )
            remarks.append(
                f"{path}: its {spent['runs']} private runs together spent {total} at delta {spent['delta']:.1e}; "
                f"whatever is chosen by comparing them costs all of it."
            )
    return remarks


def _files(path: Path) -> Iterator[Path]:
    if path.name == RESULT and path.is_file():
        yield path
    elif (path / RESULT).is_file():
        yield path / RESULT
    elif path.is_dir():
        for child in sorted(path.iterdir(), key=_by_number):
            if child.is_dir() and not child.is_symlink():
                yield from _files(child)


def _by_number(path: Path) -> tuple[int, str]:
    """Jobs in the order of their numbers: 2 before 10."""
    return (int(path.name) if path.name.isdecimal() else -1, path.name)


def _read(file: Path) -> Mapping[str, Any] | str:
    """The record, or why it is none."""
    try:
        record = printable_json(file.read_text("utf8"))
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        return f"it is not JSON ({error})"
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        return "it is no record of accel (it has no schema)"
    if record["schema"] > SCHEMA:
        return f"it has schema {record['schema']}, newer than this accel's {SCHEMA}; update accel to read it"
    return record
