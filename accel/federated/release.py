"""What becomes of the updates of a round's clients: by default their mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accel.federated.cohort import Cohort
from accel.ops.parallel.shards import add_up


class Release(ABC):
    """Takes updates one by one, and gives what the server applies."""

    exact: bool = True
    """Whether it is what the clients have sent, so that their figures may be told and compared with it."""

    @abstractmethod
    def cohort(self, cohort: Cohort, number: int, device: torch.device) -> tuple[float, np.ndarray]:
        """Begin a round.

        Returns:
            How many clients it asks, as may be told, and those that answer; the same on every process.
        """

    @abstractmethod
    def begin(self, like: Sequence[Tensor]) -> None:
        """Updates of these shapes will follow."""

    @abstractmethod
    def add(self, updates: Sequence[Tensor], examples: float) -> float:
        """Take a client's update.

        Args:
            examples: by which it may be weighted.

        Returns:
            Its weight.
        """

    @abstractmethod
    def finish(self, weight: float) -> list[Tensor]:
        """The update of the round, the same on every process.

        Args:
            weight: of the clients of all processes together.
        """

    def answered(self, count: int) -> float:
        """How many clients answered, as may be told."""
        return count

    def terms(self) -> dict[str, Any]:
        """What it has to say of the round."""
        return {}


class Mean(Release):
    """The mean of updates.

    Args:
        by_examples: whether a client counts as much as it has examples; else all count the same.
    """

    def __init__(self, *, by_examples: bool) -> None:
        self.by_examples = by_examples
        self.total: list[Tensor] = []

    def cohort(self, cohort: Cohort, number: int, device: torch.device) -> tuple[float, np.ndarray]:
        del device
        return len(cohort.asked(number)), cohort.answering(number)

    def begin(self, like: Sequence[Tensor]) -> None:
        self.total = [torch.zeros_like(p) for p in like]

    def add(self, updates: Sequence[Tensor], examples: float) -> float:
        weight = examples if self.by_examples else 1.0
        for total, update in zip(self.total, updates, strict=True):
            total.add_(update, alpha=weight)
        return weight

    def finish(self, weight: float) -> list[Tensor]:
        flat = add_up(torch.cat([t.flatten() for t in self.total]))
        pieces = flat.div_(weight).split([t.numel() for t in self.total])
        return [piece.view_as(total) for piece, total in zip(pieces, self.total, strict=True)]


@dataclass(frozen=True)
class Released:
    """How a client's batch is scored, with a release of one's own: what a technique hands to the strategy."""

    score: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
    release: Release

    def __call__(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return self.score(batch)
