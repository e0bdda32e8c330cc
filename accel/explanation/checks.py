"""Whether an explanation is a good one: hiding words in its order, and the same model with random weights.

References: Petsiuk et al. 2018 (arXiv 1806.07421), deletion and insertion; Adebayo et al. 2018 (arXiv 1810.03292).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from accel.behaviour.drift import interval
from accel.explanation.network import Network
from accel.explanation.question import Question

POINTS = 10
"""Steps from no word hidden to all."""
ORDERS = 10
"""Random orders that an explanation is compared with."""
DRAWS = 2000
LEAST_WORDS = 3
"""Below it, an order of words says nothing."""


@dataclass(frozen=True)
class Curves:
    """The number explained while words are hidden (deletion) or shown (insertion), the most important ones first."""

    shares: list[float]
    """Of words that are hidden, or shown."""
    deletion: list[float]
    insertion: list[float]
    random: list[float]
    """Deletion in a random order, on average; from its end it is insertion in a random order."""
    deletion_area: float
    """The mean height of the curve: low where the words that count are hidden early."""
    insertion_area: float
    random_area: float
    random_interval: tuple[float, float]
    """The middle 95 % of single random orders."""

    @property
    def deletion_gain(self) -> float:
        """How much sooner than in a random order the number falls."""
        return self.random_area - self.deletion_area

    @property
    def insertion_gain(self) -> float:
        """How much sooner it rises."""
        return self.insertion_area - self.random_area


def curves(question: Question, attributions: Sequence[float]) -> Curves | None:
    """Of the words; a tuned prompt is always shown. None where there are too few words."""
    count = question.num_words
    if count < LEAST_WORDS:
        return None
    half = np.linspace(0, count / 2, POINTS // 2 + 1).astype(int)
    steps = np.unique([*half, *(count - half)])  # the same from both ends
    order = np.argsort(-np.asarray(attributions), kind="stable")
    generator = np.random.default_rng(0)
    orders = [order, order[::-1], *(generator.permutation(count) for _ in range(ORDERS))]
    rows = torch.cat([_hiding(question, some, steps) for some in orders])
    deletion, insertion, *random = question.shown(rows).double().view(len(orders), len(steps)).numpy()
    areas = np.array([_area(curve, steps) for curve in random])
    return Curves(
        shares=(steps / count).tolist(),
        deletion=deletion.tolist(),
        insertion=insertion[::-1].tolist(),  # showing in an order is hiding from its end
        random=np.mean(random, 0).tolist(),
        deletion_area=_area(deletion, steps),
        insertion_area=_area(insertion, steps),
        random_area=float(areas.mean()),
        random_interval=interval(areas),
    )


def _hiding(question: Question, order: np.ndarray, steps: np.ndarray) -> Tensor:
    """[steps, units]: what is left when so many units are hidden, in this order."""
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    left = torch.from_numpy(rank[None] >= steps[:, None])
    beside = torch.ones(len(steps), question.num_units - len(order), dtype=torch.bool)
    return torch.cat([left, beside], 1)


def _area(curve: np.ndarray, steps: np.ndarray) -> float:
    return float(np.trapezoid(curve, steps) / steps[-1])


def randomised(network: Network, seed: int = 0) -> Network:
    """The same network with the values of each weight in a random order: as large, and nothing learned is left."""
    made = copy.copy(network)
    made.model = copy.deepcopy(network.model)
    made.embedding = made.model.get_input_embeddings()  # type: ignore[operator]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in made.model.parameters():
            places = torch.randperm(weight.numel(), generator=generator)
            weight.copy_(weight.flatten()[places].view_as(weight))
    return made


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's; None where there are too few, or one side is always the same."""
    if len(one) < LEAST_WORDS or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    """Equal values have the mean of their ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


@dataclass(frozen=True)
class Mean:
    """Over texts, with the 95 % interval that drawing texts again gives; none for a single text."""

    value: float
    interval: tuple[float, float] | None
    texts: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Mean | None:
        """Of those that there are; None where there are none."""
        known = np.array([value for value in values if value is not None])
        if not len(known):
            return None
        drawn = known[np.random.default_rng(0).integers(len(known), size=(DRAWS, len(known)))].mean(1)
        return cls(float(known.mean()), interval(drawn) if len(known) > 1 else None, len(known))

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.interval[0]:.3f} to {self.interval[1]:.3f})"
