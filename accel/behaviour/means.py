"""Whom a model fails, where every example has scores: their means by group, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.drift import DRAWS, interval
from accel.behaviour.fairness import Groups
from accel.behaviour.kept import Kept
from accel.core.metric import Metric, stated

GAP = "_gap"
"""End of the name of the difference between the largest and the smallest mean."""


@dataclass(frozen=True)
class _Means:
    """[…, groups] by side and score, as they are and as bootstrap samples [draws, groups] of both sides at once."""

    seen: Mapping[tuple[str, Metric], np.ndarray]
    drawn: Mapping[tuple[str, Metric], np.ndarray]

    @classmethod
    def of(cls, groups: Groups, columns: Mapping[tuple[str, Metric], np.ndarray]) -> _Means:
        table = np.column_stack([groups.numbers, *columns.values()])
        cells, sizes = np.unique(table, axis=0, return_counts=True)
        draws = np.random.default_rng(0).multinomial(sizes.sum(), sizes / sizes.sum(), size=DRAWS)
        inside = (cells[:, :1] == np.arange(len(groups.names))).astype(np.float64)
        values = dict(zip(columns, cells.T[1:], strict=True))
        return cls(
            {key: _mean(sizes[None], inside, value)[0] for key, value in values.items()},
            {key: _mean(draws, inside, value) for key, value in values.items()},
        )


def _mean(counts: np.ndarray, inside: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[samples, groups]: means over cells that occur so often; NaN of a group that was not drawn."""
    upper, lower = counts @ (inside * values[:, None]), counts @ inside
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower != 0)


def means(groups: Groups, before: Kept | None, after: Kept) -> dict[str, Any]:
    """The record's figures of one column, by the scores that each prediction has; ``scores`` says which, quality first.

    Args:
        before: of the model before; None where there is none to compare with.
    """
    sides = {"before": before, "after": after} if before is not None else {"after": after}
    columns = {
        (side, metric): np.asarray(values, dtype=np.float64)
        for side, kept in sides.items()
        for metric, values in kept.by_row().items()
    }
    table = _Means.of(groups, columns)
    scores = list(after.by_row())
    told: dict[str, Any] = {
        "group": groups.column,
        "scores": stated(scores),
        "groups": {},
        "merged": dict(groups.merged),
    }
    for number, name in enumerate(groups.names):
        rows = groups.numbers == number
        own: dict[str, Any] = {"examples": int(rows.sum())}
        for side, kept in sides.items():
            own[side] = {**kept.rows(rows).own()}
            for metric in scores:
                own[side][metric.key] = float(table.seen[side, metric][number])
                drawn = interval(table.drawn[side, metric][:, number])
                own[side]["interval" if metric is scores[0] else f"{metric.key}_interval"] = list(drawn)
        told["groups"][name] = own
    if len(groups.names) < 2:
        return told  # there is nothing to compare
    return told | _gaps(table) | _worst(groups, table, list(sides), scores[0])


def _gaps(table: _Means) -> dict[str, Any]:
    """Largest minus smallest mean, and how it changed."""
    found: dict[str, Any] = {}
    for (side, metric), values in table.seen.items():
        found[f"{metric.key}{GAP}_{side}"] = float(np.ptp(values))
        found[f"{metric.key}{GAP}_{side}_interval"] = list(interval(np.ptp(table.drawn[side, metric], axis=1)))
    for metric in {metric for side, metric in table.seen if side == "before"}:
        was, now = (np.ptp(table.drawn[side, metric], axis=1) for side in ("before", "after"))
        found[f"{metric.key}{GAP}_change_interval"] = list(interval(now - was))
    return found


def _worst(groups: Groups, table: _Means, sides: list[str], quality: Metric) -> dict[str, Any]:
    """The group that fares worst on average, and the one that lost most."""
    sign = quality.gain(1.0)
    worst = int((sign * table.seen["after", quality]).argmin())
    found: dict[str, Any] = {"worst_group": groups.names[worst]}
    found |= {f"worst_{side}": float(table.seen[side, quality][worst]) for side in sides}
    if "before" not in sides:
        return found
    change = table.seen["after", quality] - table.seen["before", quality]
    drawn = table.drawn["after", quality] - table.drawn["before", quality]
    most = int((sign * change).argmin())
    return found | {
        "changes": {
            name: {"change": float(change[n]), "interval": list(interval(drawn[:, n]))}
            for n, name in enumerate(groups.names)
        },
        "hit_hardest": groups.names[most],
        "hardest_change": float(change[most]),
        "hardest_change_interval": list(interval(drawn[:, most])),
    }
