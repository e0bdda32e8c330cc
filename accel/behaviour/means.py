"""Whom a model fails, where every example has scores: their means by group, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.calibration import expected_calibration_error
from accel.behaviour.drift import DRAWS, interval
from accel.behaviour.fairness import Groups
from accel.behaviour.found import Found

GAP = "_gap"
"""End of the name of the difference between the largest and the smallest mean."""


@dataclass(frozen=True)
class _Means:
    """[…, groups] by side and score, as they are and as bootstrap samples [draws, groups] of both sides at once."""

    seen: Mapping[tuple[str, str], np.ndarray]
    drawn: Mapping[tuple[str, str], np.ndarray]

    @classmethod
    def of(cls, groups: Groups, columns: Mapping[tuple[str, str], np.ndarray]) -> _Means:
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


def means(groups: Groups, before: Found | None, after: Found, quality: str, exact: str) -> dict[str, Any]:
    """The record's figures of one column.

    Args:
        before: of the model before; None where there is none to compare with.
        quality: what the mean F1 is called.
        exact: what the share of exactly right answers is called.
    """
    sides = {"before": before, "after": after} if before is not None else {"after": after}
    columns = {
        (side, key): np.asarray(values, dtype=np.float64)
        for side, found in sides.items()
        for key, values in ((quality, found.overlaps), (exact, found.hits))
    }
    table = _Means.of(groups, columns)
    told: dict[str, Any] = {"group": groups.column, "groups": {}, "merged": dict(groups.merged)}
    for number, name in enumerate(groups.names):
        rows = groups.numbers == number
        own: dict[str, Any] = {"examples": int(rows.sum())}
        for side, found in sides.items():
            own[side] = {
                quality: float(table.seen[side, quality][number]),
                "interval": list(interval(table.drawn[side, quality][:, number])),
                exact: float(table.seen[side, exact][number]),
                f"{exact}_interval": list(interval(table.drawn[side, exact][:, number])),
                "ece": expected_calibration_error(found.confidences[rows], found.hits[rows]),
            }
        told["groups"][name] = own
    return told | _gaps(table) | _worst(groups, table, list(sides), quality)


def _gaps(table: _Means) -> dict[str, Any]:
    """Largest minus smallest mean, and how it changed."""
    found: dict[str, Any] = {}
    for (side, key), values in table.seen.items():
        found[f"{key}{GAP}_{side}"] = float(np.ptp(values))
        found[f"{key}{GAP}_{side}_interval"] = list(interval(np.ptp(table.drawn[side, key], axis=1)))
    for key in {key for side, key in table.seen if side == "before"}:
        was, now = (np.ptp(table.drawn[side, key], axis=1) for side in ("before", "after"))
        found[f"{key}{GAP}_change_interval"] = list(interval(now - was))
    return found


def _worst(groups: Groups, table: _Means, sides: list[str], quality: str) -> dict[str, Any]:
    """The group with the lowest mean, and the one that lost most."""
    worst = int(table.seen["after", quality].argmin())
    found: dict[str, Any] = {"worst_group": groups.names[worst]}
    found |= {f"worst_{side}": float(table.seen[side, quality][worst]) for side in sides}
    if "before" not in sides:
        return found
    change = table.seen["after", quality] - table.seen["before", quality]
    drawn = table.drawn["after", quality] - table.drawn["before", quality]
    most = int(change.argmin())
    return found | {
        "changes": {
            name: {"change": float(change[n]), "interval": list(interval(drawn[:, n]))}
            for n, name in enumerate(groups.names)
        },
        "hit_hardest": groups.names[most],
        "hardest_change": float(change[most]),
        "hardest_change_interval": list(interval(drawn[:, most])),
    }
