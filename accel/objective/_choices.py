"""What objectives have in common that choose among classes: predictions are distributions."""

from __future__ import annotations

from torch import Tensor

from accel.core.objective import Objective
from accel.ops.distill.losses import soft_cross_entropy
from accel.ops.quantize.sensitivity import kullback_leibler


class Choices(Objective):
    """Base of every objective whose predictions are the logits of a choice."""

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        return soft_cross_entropy(student, teacher, temperature)

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return kullback_leibler(found, expected)
