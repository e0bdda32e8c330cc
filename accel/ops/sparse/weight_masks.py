"""Masks over single weights during training: which weights live is a buffer, so it is saved and resumed.

A masked weight is zeroed after every optimizer step, so no forward pass changes and every optimizer is supported. What
was masked never comes back. The weights that take part are the matrices inside a model's layers: embeddings and heads
stay whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from accel.ops.parallel.shards import local, part_like
from accel.ops.sparse.pattern import Pattern
from accel.ops.structured.structure import find_stacks

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


def attach(model: nn.Module, pattern: Pattern, *, scored: bool) -> None:
    """Give each linear layer its mask, and a running score if it is asked for. Idempotent.

    Args:
        pattern: a layer whose matrix cannot be cut into it gets no mask.
    """
    for _, linear in linears(model):
        if not hasattr(linear, KEEP) and pattern.fits(*linear.weight.shape):
            linear.register_buffer(KEEP, torch.ones_like(linear.weight, dtype=torch.bool))
            if scored:
                linear.register_buffer(SCORE, torch.zeros_like(linear.weight))


def choose(scores: Tensor, keep: Tensor, fraction: float, pattern: Pattern, *, per_row: bool = False) -> Tensor:
    """Which weights to keep so that in each group ``fraction`` of them, rounded down, has the lowest scores and goes.

    Args:
        scores: [out_features, in_features], larger matters more; a tile has the sum of its weights' scores.
        keep: the same shape, bool; what is gone stays gone.
        fraction: in [0, 1].
        pattern: what goes together, and what is chosen among together.
        per_row: among the weights (or tiles) of one row; else all over the matrix, where the pattern leaves it open.
    """
    tiles, alive = _tiles(scores.float(), pattern).sum((1, 3)), _tiles(keep, pattern)[:, 0, :, 0]
    width = pattern.neighbours or (tiles.shape[1] if per_row else tiles.numel())
    gone = int(fraction * width + 1e-6)
    rows = tiles.masked_fill(~alive, -torch.inf).reshape(-1, width)
    chosen = torch.ones_like(rows, dtype=torch.bool)
    chosen.scatter_(1, rows.topk(gone, dim=1, largest=False).indices, value=False)
    kept = chosen.view_as(alive) & alive
    return kept.repeat_interleave(pattern.rows, 0).repeat_interleave(pattern.columns, 1)


def _tiles(matrix: Tensor, pattern: Pattern) -> Tensor:
    """[rows, within a tile, columns, within a tile]."""
    rows, columns = matrix.shape
    return matrix.view(rows // pattern.rows, pattern.rows, columns // pattern.columns, pattern.columns)


@torch.no_grad()
def update(
    model: nn.Module, scores: Mapping[str, Tensor], fraction: float, pattern: Pattern, *, per_row: bool = False
) -> None:
    """Mask the lowest scores of each layer; ``scores`` are by the layer's name."""
    for name, linear in masked(model):
        keep = linear.get_buffer(KEEP)
        keep.copy_(choose(scores[name], keep, fraction, pattern, per_row=per_row))


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
