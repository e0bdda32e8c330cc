"""Predictions that are parts of a text, or that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.calibration import expected_calibration_error
from accel.behaviour.drift import flips
from accel.behaviour.kept import Kept
from accel.core.metric import OF_SPANS, Metric


@dataclass(frozen=True)
class Found(Kept):
    """What was found, and how like a right answer it is; ``truths`` and ``choices`` are characters, -1 for none."""

    choices: np.ndarray
    """int64 [rows, 2]."""
    hits: np.ndarray
    """bool [rows]: whether it is a right answer, word by word."""
    overlaps: np.ndarray
    """[rows]: F1 of its words and those of the nearest right answer."""
    confidences: np.ndarray
    """[rows]: its probability."""

    def change(self, before: Found) -> dict[str, Any]:
        return flips((before.choices != self.choices).any(1), before.hits, self.hits)

    def by_row(self) -> Mapping[Metric, np.ndarray]:
        return {OF_SPANS[0]: self.overlaps, OF_SPANS[1]: self.hits}

    def own(self) -> dict[str, float]:
        """Calibration: ECE, of being exactly right."""
        return {"ece": expected_calibration_error(self.confidences, self.hits)}
