"""Distillation losses, all means over examples or real tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor


def full(x: Tensor) -> Tensor:
    """In fp32, or in fp64 where it is: half precision is too coarse for a loss."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def soft_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL divergence between softened predictions, times T squared so that its gradient does not shrink with T.

    Hinton et al. 2015 (arXiv 1503.02531). Zero exactly when both predict the same.

    Args:
        student: logits [batch, labels].
        teacher: logits of the same shape.
        temperature: T > 0.
    """
    log_p = F.log_softmax(full(student) / temperature, dim=-1)
    log_q = F.log_softmax(full(teacher) / temperature, dim=-1)
    return F.kl_div(log_p, log_q, log_target=True, reduction="batchmean") * temperature**2


def hidden_distance(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Mean squared distance of hidden states: over an example's real tokens, then examples, then the layers given.

    Every example has a term of its own, whatever else is in the batch, so that a private step can bound it.

    Args:
        student: layers of [batch, tokens, width].
        teacher: as many layers of the same shape.
        mask: [batch, tokens], 1 at real tokens.
    """
    weight = _share_of_tokens(mask)
    per_layer = [_distances(s, t, weight).mean() for s, t in zip(student, teacher, strict=True)]
    return sum(per_layer[1:], per_layer[0]) / len(per_layer)


def nearest_distance(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor) -> Tensor:
    """The same distance of every teacher's layer to the student's layer that is nearest to it, example by example.

    Xia et al. 2022, CoFi (arXiv 2204.00408), section 3.2, without its linear map: layers that were weakened need not
    imitate, whichever they are.

    Args:
        student: layers of [batch, tokens, width].
        teacher: layers of the same shape, as many as there are.
        mask: [batch, tokens], 1 at real tokens.
    """
    weight = _share_of_tokens(mask)
    nearest = [torch.stack([_distances(s, t, weight) for s in student]).amin(0).mean() for t in teacher]
    return sum(nearest[1:], nearest[0]) / len(nearest)


def _share_of_tokens(mask: Tensor) -> Tensor:
    weight = mask.to(torch.float32)
    return weight / weight.sum(1, keepdim=True).clamp(min=1)


def _distances(student: Tensor, teacher: Tensor, weight: Tensor) -> Tensor:
    """[batch]: each example's mean squared distance."""
    return ((full(student) - full(teacher)).square().mean(-1) * weight).sum(1)


def match_layers(num_student: int, num_teacher: int) -> list[tuple[int, int]]:
    """Pairs (student layer, teacher layer), 1-based, spread evenly with the last on the last."""
    return [(i, round(i * num_teacher / num_student)) for i in range(1, num_student + 1)]
