"""What the record says of groups of examples, where the task names columns for them."""

from __future__ import annotations

from typing import Any

from accel.behaviour.decisions import Decisions
from accel.behaviour.fairness import Groups, fairness, groups_of
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
    kept, was = after.kept, before.kept if before is not None else None
    if kept is None or not data.test.strata or not (isinstance(kept, Decisions) or kept.by_row()):
        return None
    paired = was if type(was) is type(kept) else None
    columns = {column: [str(values[i]) for i in kept.examples.tolist()] for column, values in data.test.strata.items()}
    found = [_told(groups_of(column, values), data.objective, paired, kept) for column, values in columns.items()]
    told = [_without_names(figures) if private else figures for figures in found]
    return {**told[0], "others": told[1:]}


def _told(groups: Groups, objective: Objective, before: Kept | None, after: Kept) -> dict[str, Any]:
    """Choices have rates by label beside their quality; other predictions have the means of their scores."""
    if isinstance(after, Decisions):
        assert before is None or isinstance(before, Decisions)
        return fairness(groups, objective.label_names, before, after, objective.quality.key)
    return means(groups, before, after)


def _without_names(figures: dict[str, Any]) -> dict[str, Any]:
    merged = figures["merged"]
    return {**figures, "merged": {f"{len(merged)} groups": sum(merged.values())} if merged else {}}
