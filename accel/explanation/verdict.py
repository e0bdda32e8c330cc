"""What all explanations together are worth, in figures and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from accel.explanation.checks import Curves, Mean
from accel.explanation.method import Method

if TYPE_CHECKING:
    from accel.explanation.against import Shift
    from accel.explanation.attribution import Attribution

LARGEST_GAP = 0.01
"""Of the difference."""
HIGH = 0.5
"""A rank correlation from which on an explanation is said to be the same as that of random weights."""


@dataclass(frozen=True)
class Checked:
    """An attribution, and what is known of how good it is."""

    attribution: Attribution
    curves: Curves | None = None
    random_weights: float | None = None
    """Rank correlation with the attributions of the same network with random weights."""
    shift: Shift | None = None

    @property
    def relative_gap(self) -> float | None:
        """Of the difference."""
        gap, difference = self.attribution.gap, self.attribution.difference
        return abs(gap / difference) if gap is not None and difference else None


def sentences(found: Sequence[Checked], method: Method) -> list[str]:
    """One for each check that was made."""
    said = [_completeness(found) if method.is_complete else "", *_order(found), _random(found), _shift(found)]
    return [sentence for sentence in said if sentence]


def _completeness(found: Sequence[Checked]) -> str:
    gaps = np.array([one.relative_gap for one in found if one.relative_gap is not None])
    if not len(gaps):
        return ""
    broken = int((gaps > LARGEST_GAP).sum())
    said = f"Completeness: the numbers miss the difference by {_percent(np.median(gaps))} in the median"
    said += f", by {_percent(gaps.max())} at most."
    return f"{said} {broken} of {len(gaps)} miss it by more than 1 %: they do not add up." if broken else said


def _percent(share: float) -> str:
    return "less than 0.01 %" if share < 1e-4 else f"{100 * share:.2f} %"


def _order(found: Sequence[Checked]) -> list[str]:
    known = [one.curves for one in found if one.curves is not None]
    deletion, insertion = (
        Mean.of([getattr(some, f"{name}_gain") for some in known]) for name in ("deletion", "insertion")
    )
    if deletion is None or insertion is None:
        return []
    return [
        f"Deletion: while words are hidden in this order, the logit is {deletion} lower than in a random order, "
        f"on average.{_worth(deletion)}",
        f"Insertion: while words are shown in this order, it is {insertion} higher.{_worth(insertion)}",
    ]


def _worth(gain: Mean) -> str:
    low = gain.interval[0] if gain.interval else gain.value
    return "" if low > 0 else " No better than a random order: do not trust this explanation."


def _random(found: Sequence[Checked]) -> str:
    mean = Mean.of([one.random_weights for one in found])
    if mean is None:
        return ""
    said = f"Random weights: their attributions have a rank correlation of {mean} with these."
    return f"{said} That is high: the explanation depends little on what was learned." if mean.value >= HIGH else said


def _shift(found: Sequence[Checked]) -> str:
    shifts = [one.shift for one in found if one.shift is not None]
    overlap = Mean.of([some.overlap for some in shifts])
    if overlap is None:
        return ""
    ranks = Mean.of([some.rank_correlation for some in shifts])
    order = f"the rank correlation of its attributions with these is {ranks}, and " if ranks else ""
    return f"Against the other model: {order}{overlap} of the most important words are the same."


def plain(one: Checked) -> dict[str, Any]:
    """What JSON can hold of it."""
    attribution, curves, moved = one.attribution, one.curves, one.shift
    figures: dict[str, Any] = {"random_weights": one.random_weights} if one.random_weights is not None else {}
    if curves is not None:
        figures |= {name: getattr(curves, name) for name in ("deletion_area", "insertion_area", "random_area")}
    if moved is not None:
        other = {name: getattr(moved, name) for name in ("rank_correlation", "top", "overlap")}
        figures["against"] = {**other, **brief(moved.other.answer), **_numbers(moved.other)}
    return {"text": attribution.text, **brief(attribution.answer), "target": attribution.target} | {
        **_numbers(attribution),
        "difference": attribution.difference,
        "gap": attribution.gap,
        "steps": attribution.steps,
        "is_cut": attribution.is_cut,
        **figures,
    }


def _numbers(attribution: Attribution) -> dict[str, Any]:
    beside = {} if attribution.prompt is None else {"prompt": attribution.prompt}
    return {
        "words": attribution.words,
        "spans": attribution.spans,
        "attributions": attribution.attributions,
        **beside,
    }


def brief(answer: Any) -> dict[str, Any]:
    """An answer's own parts, without those that tell other answers."""
    return {name: value for name, value in answer.items() if not isinstance(value, dict)}
