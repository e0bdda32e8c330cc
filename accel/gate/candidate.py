"""A finished run that may be shipped, and what it is compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accel.behaviour.stored import Stored
from accel.checkpoint.resume import LEARNED
from accel.core.metric import Metric, group_scores_of, quality_of
from accel.report.predictions import PREDICTIONS, read_predictions
from accel.report.records import Recorded


class MissingError(Exception):
    """A figure that a limit is on is not there; the message says why. No figure, no pass."""


@dataclass(frozen=True)
class Candidate:
    """The run, and the one in production where there is one.

    Without it the run is compared with its own *before* column, the dense model.
    """

    run: Recorded
    against: Recorded | None = None

    @cached_property
    def quality(self) -> Metric:
        """What the run is judged by.

        Raises:
            MissingError: its record states no metric.
        """
        found = quality_of(self.run.record)
        if found is None:
            raise MissingError("the record states no metric")
        return found

    @property
    def after(self) -> Mapping[str, Any]:
        """The finished model's side of the record."""
        return _part(self.run, "after")

    @property
    def reference(self) -> Mapping[str, Any]:
        """The side of the model that it would replace."""
        return _part(self.against, "after") if self.against else _part(self.run, "before")

    @property
    def reference_name(self) -> str:
        """For people."""
        return str(self.against.folder) if self.against else "the dense model"

    @property
    def behaviour(self) -> Mapping[str, Any]:
        """What changed, answer by answer: from the run's *before* to its *after*, or from the other run's *after*.

        Raises:
            MissingError: it was not looked at, or the two runs' answers are not of the same texts.
        """
        return _part(self.run, "behaviour") if self.against is None else _between(self.against, self.run)

    @cached_property
    def group_quality(self) -> Metric:
        """What its groups are judged by; a quality that is of all predictions together has none for a group.

        Raises:
            MissingError: its record states no metric.
        """
        return next(iter(group_scores_of(self.run.record)), self.quality)

    def groups(self) -> Mapping[str, float]:
        """Group -> the finished model's quality on it.

        Raises:
            MissingError: the run was not scored by group.
        """
        return self._groups(self.run, "after")

    def groups_before(self) -> Mapping[str, float]:
        """Group -> the quality of the model that it would replace."""
        return self._groups(self.against, "after") if self.against else self._groups(self.run, "before")

    def _groups(self, run: Recorded, side: str) -> dict[str, float]:
        found = _part(run, "fairness").get("groups") or {}
        return {str(name): number(group, side, self.group_quality.key) for name, group in found.items()}

    def other_data(self) -> str | None:
        """Why the two runs' figures cannot be compared; None where they can."""
        if self.against is None:
            return None
        own, other = (_learned(run) for run in (self.run, self.against))
        if own is None or other is None:
            return f"nothing says which data {(self.run if own is None else self.against).folder} learned ({LEARNED})"
        return None if own == other else f"{self.against.folder} learned other data, or was split otherwise"

    def other_machine(self) -> str | None:
        """Why their times cannot be compared; None where they can."""
        if self.against is None:
            return None
        own, other = (_machine(run.record) for run in (self.run, self.against))
        return (
            None if own == other else f"measured on {own}, the other on {other}: times of two machines do not compare"
        )


def number(tree: Mapping[str, Any], *path: str) -> float:
    """The figure at a path of a record.

    Raises:
        MissingError: it is not there.
    """
    value: Any = tree
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MissingError(f"the record has no {'.'.join(path)}")
    return float(value)


def _part(run: Recorded, name: str) -> Mapping[str, Any]:
    found = run.record.get(name)
    if not isinstance(found, Mapping):
        raise MissingError(f"the record of {run.folder} has no {name}")
    return found


def _between(before: Recorded, after: Recorded) -> Mapping[str, Any]:
    was, now = _predictions(before), _predictions(after)
    if not now.pairs_with(was):
        raise MissingError(f"the answers of {before.folder} are of other texts, or of other parts of them")
    return now.change(was)


def _predictions(run: Recorded) -> Stored:
    found = read_predictions(run.record, run.folder, "after")
    if found is None:
        raise MissingError(
            f"{run.folder} has no {PREDICTIONS}/after.npz: a private run keeps none, nor does a language model's or an "
            f"earlier accel's"
        )
    return found


def _learned(run: Recorded) -> Any:
    try:
        return json.loads((run.folder / LEARNED).read_text("utf8"))["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _machine(record: Mapping[str, Any]) -> str:
    machine = record.get("machine") or {}
    return f"{machine.get('cores')} cores of {machine.get('processor')}"
