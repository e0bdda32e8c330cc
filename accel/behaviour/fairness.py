"""Whom a model fails: figures by group of examples, before and after, all of them functions of counts that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.calibration import expected_calibration_error
from accel.behaviour.decisions import Decisions
from accel.behaviour.drift import DRAWS, interval
from accel.core.metric import MACRO_F1

SMALL = 30
"""Examples; of fewer, rates say little, and smaller groups are put together."""
OTHERS = "others"
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


@dataclass(frozen=True)
class Groups:
    """Which group each example is in."""

    column: str
    names: Sequence[str]
    numbers: np.ndarray
    """int64 [examples]."""
    merged: Mapping[str, int]
    """Those that are ``others``, with their examples."""


def groups_of(column: str, values: Sequence[str]) -> Groups:
    """The groups of a column, in the order of their names; small ones are one, which comes last."""
    sizes = Counter(values)
    merged = {name: size for name, size in sorted(sizes.items()) if size < SMALL}
    names = [name for name in sorted(sizes) if name not in merged] + [OTHERS] * bool(merged)
    number = {name: i for i, name in enumerate(names)}
    last = len(names) - 1
    return Groups(column, names, np.array([last if v in merged else number[v] for v in values]), merged)


def fairness(
    groups: Groups, labels: Sequence[str], before: Decisions | None, after: Decisions, quality: str
) -> dict[str, Any]:
    """The record's figures of one column.

    Args:
        labels: names of the choices.
        before: of the model before; None where there is none to compare with.
        quality: what the share of right decisions is called.
    """
    sides = {"before": before, "after": after} if before is not None else {"after": after}
    tables = _Tables.of(groups, len(labels), sides)
    found: dict[str, Any] = {"group": groups.column, "groups": {}, "merged": dict(groups.merged)}
    label = int(np.argmax(_odds_gaps(tables.seen["after"])))
    for number, name in enumerate(groups.names):
        rows = groups.numbers == number
        own: dict[str, Any] = {"examples": int(rows.sum())}
        for side, decided in sides.items():
            own[side] = {
                quality: float(right(tables.seen[side])[number]),
                "interval": list(interval(right(tables.drawn[side])[:, number])),
                "ece": expected_calibration_error(decided.confidences[rows], decided.hits[rows]),
                MACRO_F1.key: mean_f1(tables.seen[side][number]),
                **{key: _known(rate[number, label]) for key, rate in rates(tables.seen[side]).items()},
            }
        found["groups"][name] = own
    return found | {"rates_of": labels[label]} | _over_groups(groups, tables)


@dataclass(frozen=True)
class _Tables:
    """Counts [groups, true, chosen] of each side: as they are, and as bootstrap samples [draws, …] of both at once."""

    seen: Mapping[str, np.ndarray]
    drawn: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, groups: Groups, num_labels: int, sides: Mapping[str, Decisions]) -> _Tables:
        shape = (len(groups.names), num_labels, num_labels)
        places = np.stack(
            [np.ravel_multi_index((groups.numbers, d.truths, d.choices), shape) for d in sides.values()], axis=1
        )
        cells, sizes = np.unique(places, axis=0, return_counts=True)
        draws = np.random.default_rng(0).multinomial(sizes.sum(), sizes / sizes.sum(), size=DRAWS)
        size = int(np.prod(shape))
        seen, drawn = {}, {}
        for column, side in enumerate(sides):
            seen[side] = np.bincount(cells[:, column], sizes, size).reshape(shape)
            samples = np.stack([np.bincount(cells[:, column], row, size) for row in draws])
            drawn[side] = samples.reshape(-1, *shape)
        return cls(seen, drawn)


def right(counts: np.ndarray) -> np.ndarray:
    """[…, groups]: the share of right decisions; NaN in a group without examples."""
    return _by(np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1)))


def mean_f1(counts: np.ndarray) -> float:
    """Of counts [true, chosen]: the mean F1 of the labels that occur or were chosen among them; 0 without any."""
    hits, both = np.diagonal(counts), counts.sum(0) + counts.sum(1)
    return float((2 * hits[both > 0] / both[both > 0]).mean()) if both.any() else 0.0


def rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """[…, groups, labels] each, one label against all others; NaN where nothing could be found or mistaken."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, chosen, total = counts.sum(-1), counts.sum(-2), counts.sum((-2, -1))[..., None]
    found = (_by(chosen, total), _by(hits, true), _by(chosen - hits, total - true))
    return dict(zip(RATES, found, strict=True))


def demographic_parity_difference(counts: np.ndarray) -> np.ndarray:
    """[…]: the largest difference between two groups' selection rates, of the label where it is largest."""
    return _gap(rates(counts)["selection_rate"]).max(-1)


def equalized_odds_difference(counts: np.ndarray) -> np.ndarray:
    """[…]: the larger of the differences in true and in false positive rates, of the label where it is largest."""
    return _odds_gaps(counts).max(-1)


def _odds_gaps(counts: np.ndarray) -> np.ndarray:
    found = rates(counts)
    return np.maximum(_gap(found["true_positive_rate"]), _gap(found["false_positive_rate"]))


def _gap(values: np.ndarray) -> np.ndarray:
    """[…, labels]: largest minus smallest over groups [-2]; what is unknown is left out, 0 where all is."""
    known = np.isfinite(values)
    highest = np.where(known, values, -np.inf).max(-2)
    lowest = np.where(known, values, np.inf).min(-2)
    return np.where(known.any(-2), highest - lowest, 0.0)


def _by(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    lower = np.broadcast_to(lower, upper.shape)
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower != 0)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


DIFFERENCES = {
    "demographic_parity": demographic_parity_difference,
    "equalized_odds": equalized_odds_difference,
}


def _over_groups(groups: Groups, tables: _Tables) -> dict[str, Any]:
    """The differences between groups, the worst group, and the one that lost most; nothing of a single group."""
    found: dict[str, Any] = {}
    if len(groups.names) < 2:
        return found
    for name, difference in DIFFERENCES.items():
        for side, counts in tables.seen.items():
            found[f"{name}_{side}"] = float(difference(counts))
            found[f"{name}_{side}_interval"] = list(interval(difference(tables.drawn[side])))
    shares = {side: right(counts) for side, counts in tables.seen.items()}
    worst = int(np.nanargmin(shares["after"]))
    found |= {"worst_group": groups.names[worst]} | {f"worst_{s}": float(v[worst]) for s, v in shares.items()}
    return found | (_changes(groups, tables) if "before" in tables.seen else {})


def _changes(groups: Groups, tables: _Tables) -> dict[str, Any]:
    change = right(tables.seen["after"]) - right(tables.seen["before"])
    drawn = right(tables.drawn["after"]) - right(tables.drawn["before"])
    most = int(np.nanargmin(change))
    gaps = {
        f"{name}_change_interval": list(interval(of(tables.drawn["after"]) - of(tables.drawn["before"])))
        for name, of in DIFFERENCES.items()
    }
    return gaps | {
        "changes": {
            name: {"change": float(change[i]), "interval": list(interval(drawn[:, i]))}
            for i, name in enumerate(groups.names)
        },
        "hit_hardest": groups.names[most],
        "hardest_change": float(change[most]),
        "hardest_change_interval": list(interval(drawn[:, most])),
    }
