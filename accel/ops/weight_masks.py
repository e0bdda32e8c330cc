"""Masks over single weights during training: which weights live is a buffer, so it is saved and resumed.

A masked weight is zeroed after every optimizer step, so no forward pass changes and every optimizer is supported. What
was masked never comes back. The weights that take part are the matrices inside a model's layers: embeddings and heads
stay whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from accel.ops.shards import local, part_like, whole
from accel.ops.structure import find_stacks

KEEP, SCORE = "accel_keep_weight", "accel_weight_score"


def linears(model: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """Name and module of every linear layer inside the model's stacks of layers."""
    inside = {id(module) for stack in find_stacks(model) for module in stack.layers.modules()}
    for name, module in model.named_modules():
        if id(module) in inside and isinstance(module, nn.Linear):
            yield name, module


def masked(model: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """Those of them that have a mask."""
    return ((name, linear) for name, linear in linears(model) if hasattr(linear, KEEP))


def attach(model: nn.Module, *, group: int | None, scored: bool) -> None:
    """Give each linear layer its mask, and a running score if it is asked for. Idempotent.

    Args:
        group: weights of one row that are chosen among together; a layer whose rows cannot be cut so gets no mask.
            None chooses among the whole matrix.
    """
    for _, linear in linears(model):
        if not hasattr(linear, KEEP) and (group is None or linear.in_features % group == 0):
            linear.register_buffer(KEEP, torch.ones_like(linear.weight, dtype=torch.bool))
            if scored:
                linear.register_buffer(SCORE, torch.zeros_like(linear.weight))


def choose(scores: Tensor, keep: Tensor, fraction: float, group: int | None) -> Tensor:
    """Which weights to keep so that in each group ``fraction`` of them, rounded down, has the lowest scores and goes.

    Args:
        scores: [out_features, in_features], larger matters more.
        keep: the same shape, bool; what is gone stays gone.
        fraction: in [0, 1].
        group: neighbours in a row, or None for the whole matrix.
    """
    width = group or scores.numel()
    gone = int(fraction * width + 1e-6)
    rows = scores.float().masked_fill(~keep, -torch.inf).view(-1, width)
    chosen = torch.ones_like(rows, dtype=torch.bool)
    chosen.scatter_(1, rows.topk(gone, dim=1, largest=False).indices, value=False)
    return chosen.view_as(keep) & keep


@torch.no_grad()
def update(model: nn.Module, fraction: float, group: int | None) -> None:
    """Mask the lowest scores, which are the weights' sizes where no score is kept."""
    for _, linear in masked(model):
        scores = linear.get_buffer(SCORE) if hasattr(linear, SCORE) else whole(linear.weight).abs()
        keep = linear.get_buffer(KEEP)
        keep.copy_(choose(scores, keep, fraction, group))


@torch.no_grad()
def collect(model: nn.Module) -> None:
    """Add to each score how fast the weight moves away from zero: -w * dL/dw.

    Sanh et al. 2020, movement pruning (arXiv 2005.07683), eq. 5, without the learning rate.
    """
    for _, linear in masked(model):
        if linear.weight.grad is not None:
            linear.get_buffer(SCORE).sub_(whole(linear.weight) * whole(linear.weight.grad))


@torch.no_grad()
def apply(model: nn.Module) -> None:
    """Zero what is masked."""
    for _, linear in masked(model):
        local(linear.weight).mul_(part_like(linear.get_buffer(KEEP), linear.weight))


def detach(model: nn.Module) -> nn.Module:
    """Take the masks off; the zeros stay."""
    for _, linear in masked(model):
        for buffer in (KEEP, SCORE):
            if hasattr(linear, buffer):
                delattr(linear, buffer)
    return model


def figures(model: nn.Module) -> dict[str, Any]:
    """How much is masked, and how many layers could not be."""
    pairs = [(linear.get_buffer(KEEP), linear.weight) for _, linear in masked(model)]
    leaking = sum(int(weight[~keep].count_nonzero()) for keep, weight in pairs)
    if leaking:
        raise RuntimeError(f"{leaking} masked weights are not zero: something wrote to them after the last step")
    total = sum(keep.numel() for keep, _ in pairs)
    return {
        "masked_layers": len(pairs),
        "unmasked_layers": sum(1 for _ in linears(model)) - len(pairs),
        "masked_fraction": sum(int((~keep).sum()) for keep, _ in pairs) / max(1, total),
    }
