"""Predictions that are texts which a network writes by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.behaviour.drift import flips
from accel.behaviour.kept import Kept
from accel.core.metric import OF_WRITING, Metric


@dataclass(frozen=True)
class Written(Kept):
    """What was written, how like the true text it is, and whether it is the same; ``truths`` are texts' numbers."""

    texts: np.ndarray
    """int64 [rows]: of each text its ``number_of``; the texts themselves are not kept."""
    overlaps: np.ndarray
    """float64 [rows]: ROUGE-L of each and the true text."""
    hits: np.ndarray
    """bool [rows]: whether it is the true text."""

    def change(self, before: Written) -> dict[str, Any]:
        """How many are written otherwise, and which of them are right no more."""
        return flips(before.texts != self.texts, before.hits, self.hits)

    def by_row(self) -> Mapping[Metric, np.ndarray]:
        return {OF_WRITING[0]: self.overlaps, OF_WRITING[1]: self.hits}


def number_of(text: str) -> int:
    """A text's own: two different ones share it once in 2**63."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf8", "surrogatepass"), digest_size=8).digest(), "big") >> 1
