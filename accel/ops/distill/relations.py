"""Attention relations: which tokens look alike to a layer's queries, keys and values.

Wang et al. 2021, MiniLMv2 (arXiv 2012.15828). A relation has the shape [tokens, tokens] whatever a model's width, so a
narrow student can learn them from a wide teacher without a projection between the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.errors import RunError
from accel.ops.distill.losses import full
from accel.ops.structured.structure import last_projections


class LastAttention:
    """Records the queries, keys and values of a model's last attention, forward pass by forward pass.

    Args:
        model: of an architecture whose attention accel knows.
        who: what the model is called in an error.

    Raises:
        RunError: accel does not know where the attention lies.
    """

    def __init__(self, model: nn.Module, who: str) -> None:
        layers, fused = last_projections(model)
        if not layers:
            family = model.config.model_type  # type: ignore[union-attr]
            raise RunError(
                f"compression.distill.relations_weight: accel does not know where queries, keys and values lie in a "
                f"{family} model (the {who}). Use compression.distill.relations_weight=0."
            )
        self.fused = fused
        self.outputs: dict[int, Tensor] = {}
        for place, layer in enumerate(layers):
            layer.register_forward_hook(partial(self._hear, place))

    def _hear(self, place: int, module: nn.Module, args: Any, output: Tensor) -> None:
        del module, args
        self.outputs[place] = output

    def take(self) -> list[Tensor]:
        """Queries, keys and values [batch, tokens, width] of the last forward pass; they are given away once."""
        found, self.outputs = self.outputs, {}
        return [part for place in sorted(found) for part in found[place].chunk(self.fused, dim=-1)]


def relation_distance(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor, heads: int) -> Tensor:
    """KL divergence between teacher's and student's relations: over heads, an example's real tokens, then examples.

    Every example has a term of its own, whatever else is in the batch.

    Args:
        student: queries, keys and values [batch, tokens, width].
        teacher: as many, of any width.
        mask: [batch, tokens], 1 at real tokens.
        heads: into how many relation heads a width is cut, or the largest divisor of it that both widths share.
    """
    real = mask.to(torch.float32)
    terms = []
    for ours, theirs in zip(student, teacher, strict=True):
        count = math.gcd(heads, ours.shape[-1], theirs.shape[-1])
        log_p, log_q = (_log_relations(x, real, count) for x in (ours, theirs))
        per_token = F.kl_div(log_p, log_q, log_target=True, reduction="none").sum(-1).mean(1)
        terms.append(((per_token * real).sum(1) / real.sum(1).clamp(min=1)).mean())
    return sum(terms[1:], terms[0]) / len(terms)


def _log_relations(x: Tensor, real: Tensor, heads: int) -> Tensor:
    """log softmax over the real tokens of the scaled products of every two tokens, [batch, heads, tokens, tokens]."""
    batch, tokens, width = x.shape
    parts = full(x).view(batch, tokens, heads, width // heads).transpose(1, 2)
    products = parts @ parts.transpose(-1, -2) / math.sqrt(width // heads)
    return F.log_softmax(products.masked_fill(real[:, None, None, :] == 0, torch.finfo(products.dtype).min), dim=-1)


Distance = Callable[[Any, Any, Tensor], Tensor]
"""(student's outputs, teacher's outputs, mask [batch, tokens]) -> scalar."""


def distance_of(student: nn.Module, teacher: nn.Module, heads: int | None) -> Distance:
    """The relation distance of two models' last attentions, taken from their most recent forward passes.

    Args:
        heads: relation heads; None for as many as the student's attention has heads.
    """
    ours, theirs = LastAttention(student, "student"), LastAttention(teacher, "teacher")
    count = heads or int(student.config.num_attention_heads)  # type: ignore[union-attr, arg-type]

    def distance(outputs: Any, taught: Any, mask: Tensor) -> Tensor:
        del outputs, taught
        return relation_distance(ours.take(), theirs.take(), mask, count)

    return distance
