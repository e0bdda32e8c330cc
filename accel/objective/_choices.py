"""What objectives have in common that choose among classes: predictions are distributions."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from accel.behaviour.decisions import Decisions, hits_by_example
from accel.behaviour.kept import Kept
from accel.core.objective import Objective
from accel.data.tokenized import Tokenized
from accel.ops.distill.losses import soft_cross_entropy
from accel.ops.quantize.sensitivity import kullback_leibler

MOST_KEPT = 256
"""Choices of which whole distributions are kept: a language model's would take gigabytes."""
AT_ONCE = 64
"""Rows that are looked at together: a language model's logits are large."""


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
        parts = zip(rows.split(AT_ONCE), truths.split(AT_ONCE), strict=True)
        told = [_told(some.float(), true) for some, true in parts]
        choices, confidences, losses = (torch.cat(column).numpy() for column in zip(*told, strict=True))
        few = rows.shape[1] <= MOST_KEPT
        return Decisions(
            examples=examples[places.numpy()],
            truths=truths.numpy(),
            choices=choices,
            confidences=confidences,
            losses=losses,
            log_odds=rows.float().log_softmax(-1).numpy() if few else None,
        )

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """Of the share of right choices."""
        assert isinstance(kept, Decisions)
        return hits_by_example(kept, len(split))


def _told(logits: Tensor, truths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(the likeliest, its probability, -log of the truth's), [rows] each."""
    total = logits.logsumexp(-1)
    highest, choices = logits.max(-1)
    return choices, (highest - total).exp(), total - logits.gather(1, truths[:, None])[:, 0]


def marked(logits: Tensor, labels: Tensor, mark: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``Choices.scored`` of the marked places of [batch, tokens]."""
    return logits[mark], labels[mark], mark.nonzero()[:, 0]
