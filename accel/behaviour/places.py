"""Predictions that are rankings: where what was right stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.kept import Kept
from accel.core.metric import OF_RECOMMENDATION, Metric

FIRST = 10
"""Places that are looked at."""


@dataclass(frozen=True)
class Places(Kept):
    """One row for each query; ``truths`` are the numbers of something that is right for it."""

    gains: np.ndarray
    """float64 [rows]: nDCG@10 of each."""
    hits: np.ndarray
    """float64 [rows]: how likely something right is among the first ten; 0 or 1 but for equal scores."""
    first: np.ndarray
    """int64 [rows, 10]: what is shown first; -1 where there is no more."""

    def by_row(self) -> Mapping[Metric, np.ndarray]:
        return {OF_RECOMMENDATION[0]: self.gains, OF_RECOMMENDATION[2]: self.hits}

    def change(self, before: Places) -> dict[str, Any]:
        """How much of what is shown first stays, and who finds what is right no more."""
        was, now = before.hits >= 0.5, self.hits >= 0.5
        return {
            "queries": len(now),
            "same_first_ten": float(np.mean([_shared(*rows) for rows in zip(before.first, self.first, strict=True)])),
            "lost": int((was & ~now).sum()),
            "found": int((~was & now).sum()),
        }


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    """Of what one shows, the share that the other shows too."""
    known = set(one.tolist()) - {-1}
    return len(known & set(other.tolist())) / len(known) if known else 1.0
