"""What the record says of groups of examples, where the task names columns for them."""

from __future__ import annotations

from typing import Any

from accel.behaviour.decisions import Decisions
from accel.behaviour.fairness import fairness, groups_of
from accel.data.prepared import Prepared
from accel.objective.scores import Report


def fairness_of(data: Prepared, before: Report | None, after: Report, *, private: bool) -> dict[str, Any] | None:
    """Of the test split: the first column's figures, and under ``others`` those of further columns.

    Args:
        before: of a model that was trained for the same; None where there is none to compare with.
        private: names of groups so small that they are put together are not told: they may be a person's.
    """
    was = before.kept if before is not None else None
    if not isinstance(after.kept, Decisions) or not data.test.strata:
        return None
    found = [
        fairness(
            groups_of(column, values),
            data.objective.label_names,
            was if isinstance(was, Decisions) else None,
            after.kept,
            data.objective.quality.key,
        )
        for column, values in data.test.strata.items()
    ]
    told = [_without_names(figures) if private else figures for figures in found]
    return {**told[0], "others": told[1:]}


def _without_names(figures: dict[str, Any]) -> dict[str, Any]:
    return {**figures, "merged": {f"{len(figures['merged'])} groups": sum(figures["merged"].values())}}
