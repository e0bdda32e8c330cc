"""Occlusion: how far the answer's logit falls when one word is hidden.

Reference: Zeiler and Fergus 2014 (arXiv 1311.2901); for texts, Li et al. 2016 (arXiv 1612.08220).
"""

from __future__ import annotations

from typing import ClassVar

import torch

from accel.explanation.method import Method, Told
from accel.explanation.question import Question


class Occlusion(Method):
    """A pass for each word."""

    means: ClassVar[str] = "how far the logit falls without it"

    def __call__(self, question: Question) -> Told:
        without = ~torch.eye(question.num_units, dtype=torch.bool)
        values = question.ends[1] - question.shown(without)
        return Told(values, float(values.sum()) - question.difference)
