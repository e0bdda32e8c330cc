"""What objectives have in common that choose among classes: predictions are distributions."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from torch import Tensor

from accel.behaviour.decisions import Decisions, hits_by_example
from accel.behaviour.kept import Kept
from accel.core.objective import Objective
from accel.data.batches import Tokenized
from accel.ops.distill.losses import soft_cross_entropy
from accel.ops.quantize.sensitivity import kullback_leibler

MOST_KEPT = 256
"""Choices of which whole distributions are kept: a language model's would take gigabytes."""


class Choices(Objective):
    """Base of every objective whose predictions are the logits of a choice."""

    keeps: ClassVar[type[Kept] | None] = Decisions

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        return soft_cross_entropy(student, teacher, temperature)

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return kullback_leibler(found, expected)

    @abstractmethod
    def scored(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(logits [rows, choices], truths [rows], each row's place in the batch) of what has a right answer."""

    def kept(self, logits: Tensor, labels: Tensor, examples: np.ndarray) -> Kept:
        rows, truths, places = self.scored(logits, labels)
        log_odds = rows.float().log_softmax(-1)
        highest, choices = log_odds.max(-1)
        return Decisions(
            examples=examples[places.numpy()],
            truths=truths.numpy(),
            choices=choices.numpy(),
            confidences=highest.exp().numpy(),
            losses=-log_odds.gather(1, truths[:, None])[:, 0].numpy(),
            log_odds=log_odds.numpy() if log_odds.shape[1] <= MOST_KEPT else None,
        )

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """Of the share of right choices."""
        assert isinstance(kept, Decisions)
        return hits_by_example(kept, len(split))


def marked(logits: Tensor, labels: Tensor, mark: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``Choices.scored`` of the marked places of [batch, tokens]."""
    return logits[mark], labels[mark], mark.nonzero()[:, 0]
