"""Distillation losses, all means over examples or real tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor


def soft_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL divergence between softened predictions, times T squared so that its gradient does not shrink with T.

    Hinton et al. 2015 (arXiv 1503.02531). Zero exactly when both predict the same.

    Args:
        student: logits [batch, labels].
        teacher: logits of the same shape.
        temperature: T > 0.
    """
    log_p = F.log_softmax(student.float() / temperature, dim=-1)
    log_q = F.log_softmax(teacher.float() / temperature, dim=-1)
    return F.kl_div(log_p, log_q, log_target=True, reduction="batchmean") * temperature**2


def hidden_distance(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Mean squared distance of hidden states: over an example's real tokens, then examples, then the layers given.

    Every example has a term of its own, whatever else is in the batch, so that a private step can bound it.

    Args:
        student: layers of [batch, tokens, width].
        teacher: as many layers of the same shape.
        mask: [batch, tokens], 1 at real tokens.
    """
    weight = mask.to(student[0].dtype)
    weight = weight / weight.sum(1, keepdim=True).clamp(min=1)
    per_layer = [
        ((s.float() - t.float()).square().mean(-1) * weight).sum(1).mean()
        for s, t in zip(student, teacher, strict=True)
    ]
    return sum(per_layer[1:], per_layer[0]) / len(per_layer)


def match_layers(num_student: int, num_teacher: int) -> list[tuple[int, int]]:
    """Pairs (student layer, teacher layer), 1-based, spread evenly with the last on the last."""
    return [(i, round(i * num_teacher / num_student)) for i in range(1, num_student + 1)]
