"""Integrated gradients from hidden words to the text, over the token embeddings.

Reference: Sundararajan et al. 2017 (arXiv 1703.01365). Points and weights are Gauss and Legendre's, as in Captum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from accel.explanation.method import Method, Told
from accel.explanation.network import AT_ONCE
from accel.explanation.question import Question

LARGEST_GAP = 0.01
"""Of the difference."""


@dataclass(frozen=True)
class Stretch:
    """A part of the way, from ``low`` to ``high``, both shares of it."""

    low: float
    high: float
    values: Tensor
    """[units]: what each adds on it."""
    gap: float
    """Their sum minus what the number changes on it."""


@dataclass(frozen=True)
class IntegratedGradients(Method):
    """The stretch with the largest gap is halved until the numbers add up to the difference, or it takes too long."""

    steps: int = 32
    """Points of each stretch."""
    most_steps: int = 1024

    means: ClassVar[str] = "what it added to the logit, on the way from a text of padding"
    is_complete: ClassVar[bool] = True

    def __call__(self, question: Question) -> Told:
        way, taken = [self._stretch(question, 0.0, 1.0)], self.steps
        while not _adds_up(way, question.difference) and taken + 2 * self.steps <= self.most_steps:
            worst = max(way, key=lambda part: abs(part.gap))
            way.remove(worst)
            middle = (worst.low + worst.high) / 2
            way += [self._stretch(question, worst.low, middle), self._stretch(question, middle, worst.high)]
            taken += 2 * self.steps
        values = torch.stack([part.values for part in way]).sum(0)
        return Told(values, float(values.sum()) - question.difference, taken)

    def _stretch(self, question: Question, low: float, high: float) -> Stretch:
        values = question.by_unit(integrated(question, self.steps, low, high))
        with torch.no_grad():
            before, after = question.logits(question.on_the_way(torch.tensor([low, high]))).tolist()
        return Stretch(low, high, values, float(values.sum()) - (after - before))


def _adds_up(way: list[Stretch], difference: float) -> bool:
    return abs(sum(part.gap for part in way)) <= LARGEST_GAP * abs(difference)


def integrated(question: Question, steps: int, low: float, high: float) -> Tensor:
    """[positions]: the mean gradient on a stretch times the stretch."""
    places, weights = (torch.from_numpy(side).float() / 2 for side in np.polynomial.legendre.leggauss(steps))
    shares = low + (0.5 + places) * (high - low)
    total = torch.zeros_like(question.text)
    for share, weight in zip(shares.split(AT_ONCE), weights.split(AT_ONCE), strict=True):
        points = question.on_the_way(share).requires_grad_()
        (gradient,) = torch.autograd.grad(question.logits(points).sum(), points)
        total += (weight[:, None, None] * gradient).sum(0)
    return (total * (question.text - question.empty)).sum(-1) * (high - low)
