"""What the record says of groups of examples, where the task names columns for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accel.behaviour.decisions import Decisions
from accel.behaviour.fairness import Groups, fairness, groups_of
from accel.behaviour.found import Found
from accel.behaviour.kept import Kept
from accel.behaviour.means import means
from accel.core.objective import Objective
from accel.data.prepared import Prepared
from accel.objective.scores import Report


def fairness_of(data: Prepared, before: Report | None, after: Report, *, private: bool) -> dict[str, Any] | None:
    """Of the test split: the first column's figures, and under ``others`` those of further columns.

    Args:
        before: of a model that was trained for the same; None where there is none to compare with.
        private: names of groups so small that they are put together are not told: they may be a person's.
    """
    was = before.kept if before is not None else None
    tell = next((tell for kind, tell in BY_KIND.items() if isinstance(after.kept, kind)), None)
    if tell is None or not data.test.strata:
        return None
    paired = was if type(was) is type(after.kept) else None
    found = [
        tell(groups_of(column, values), data.objective, paired, after.kept)
        for column, values in data.test.strata.items()
    ]
    told = [_without_names(figures) if private else figures for figures in found]
    return {**told[0], "others": told[1:]}


def _of_decisions(groups: Groups, objective: Objective, before: Any, after: Any) -> dict[str, Any]:
    return fairness(groups, objective.label_names, before, after, objective.quality.key)


def _of_found(groups: Groups, objective: Objective, before: Any, after: Any) -> dict[str, Any]:
    return means(groups, before, after, objective.quality.key, objective.metrics[1].key)


BY_KIND: Mapping[type[Kept], Callable[[Groups, Objective, Any, Any], dict[str, Any]]] = {
    Decisions: _of_decisions,
    Found: _of_found,
}
"""What is told of a column's groups, by what is kept of predictions."""


def _without_names(figures: dict[str, Any]) -> dict[str, Any]:
    return {**figures, "merged": {f"{len(figures['merged'])} groups": sum(figures["merged"].values())}}
