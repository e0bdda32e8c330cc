"""Predictions that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.kept import Kept
from accel.core.metric import BIAS, MAE, Metric


@dataclass(frozen=True)
class Numbers(Kept):
    """What was predicted, in the unit of ``truths``."""

    values: np.ndarray
    """[rows]."""

    def change(self, before: Numbers) -> dict[str, Any]:
        """How far predictions moved, and how many of them away from the truth."""
        moved = np.abs(self.values - before.values)
        errors = [np.abs(side.values - side.truths) for side in (before, self)]
        return {
            "predictions": len(moved),
            "mean_abs_change": float(moved.mean()),
            "max_abs_change": float(moved.max(initial=0.0)),
            "correlation": _correlation(before.values, self.values),
            "farther_from_truth": int((errors[1] > errors[0]).sum()),
            "nearer_to_truth": int((errors[1] < errors[0]).sum()),
        }

    def by_row(self) -> Mapping[Metric, np.ndarray]:
        errors = self.values - self.truths
        return {MAE: np.abs(errors), BIAS: errors}

    def own(self) -> dict[str, float]:
        """Mean error with its sign: whether the model says too much or too little."""
        return {BIAS.key: float((self.values - self.truths).mean())}


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 1 where both are the same, 0 where one is constant."""
    if np.array_equal(one, other):
        return 1.0
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread else 0.0
