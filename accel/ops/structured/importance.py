"""Which units matter, and which to keep under a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def gate_gradient(weight: Tensor, grad: Tensor, unit_width: int) -> Tensor:
    """Derivative of the loss by a factor ``g`` on each unit's output, where g = 1; shape [num_units].

    It is the sum of ``weight * grad`` over the unit's columns, so no gate has to be built: Michel et al. 2019 (arXiv
    1905.10650) for heads, Molchanov et al. 2019 (arXiv 1906.10771) for channels.

    Args:
        weight: [out_features, num_units * unit_width].
        grad: its gradient, same shape.
        unit_width: columns per unit.
    """
    per_column = (weight.float() * grad.float()).sum(dim=0)
    return per_column.view(-1, unit_width).sum(dim=1)


@dataclass(frozen=True)
class Candidates:
    """The units of one block as the choice sees them."""

    scores: Tensor
    """[num_units], larger matters more."""
    alive: Tensor
    """[num_units] bool; what was removed never comes back."""
    cost_per_unit: float
    """In any currency, the same for all blocks."""
    multiple_of: int
    """The final number of units is a multiple of this (or all of them)."""

    @property
    def step(self) -> int:
        """The multiple that a block of this size can have."""
        return max(1, min(self.multiple_of, len(self.scores)))


def choose(blocks: Sequence[Candidates], fraction: float, *, final: bool) -> list[Tensor]:
    """Which units to keep in each block so that ``fraction`` of what all cost together goes; one global ranking.

    Units are ranked by score per cost over all blocks together, so a head and a channel compete fairly. At the end
    (``final``) each block's count is rounded to its multiple, because odd sizes are slow, and then at least
    ``fraction`` is gone. At least one multiple of every block stays, so no layer disappears.

    Returns:
        One bool tensor [num_units] per block.
    """
    budget = fraction * sum(b.cost_per_unit * len(b.scores) for b in blocks)
    keep = _drop_least(blocks, budget)
    if not final:
        return keep
    return _drop_multiples(blocks, [_round(b, k) for b, k in zip(blocks, keep, strict=True)], budget)


def _drop_least(blocks: Sequence[Candidates], budget: float) -> list[Tensor]:
    keep = [b.alive.clone() for b in blocks]
    removed = float(sum(b.cost_per_unit * int((~b.alive).sum()) for b in blocks))
    value = torch.cat([(b.scores / b.cost_per_unit).masked_fill(~b.alive, torch.inf) for b in blocks])
    owner = [(i, j) for i, b in enumerate(blocks) for j in range(len(b.scores))]
    left = [int(b.alive.sum()) for b in blocks]
    for position in torch.argsort(value, stable=True).tolist():
        i, j = owner[position]
        cost = blocks[i].cost_per_unit
        if not keep[i][j]:
            break
        if removed + cost <= budget and left[i] > blocks[i].step:
            keep[i][j] = False
            left[i] -= 1
            removed += cost
    return keep


def _drop_multiples(blocks: Sequence[Candidates], keep: list[Tensor], budget: float) -> list[Tensor]:
    """Rounding may have brought back too much: whole multiples go, the least valuable first, until it fits."""
    tolerance = 1e-9 * abs(budget)
    while sum(b.cost_per_unit * int((~k).sum()) for b, k in zip(blocks, keep, strict=True)) < budget - tolerance:
        offers = [(i, _least(b, k)) for i, (b, k) in enumerate(zip(blocks, keep, strict=True)) if k.sum() > b.step]
        if not offers:
            break
        i, units = min(offers, key=lambda o: float(blocks[o[0]].scores[o[1]].mean()) / blocks[o[0]].cost_per_unit)
        keep[i][units] = False
    return keep


def _least(block: Candidates, keep: Tensor) -> Tensor:
    """The least important kept units, as many as bring the count to a multiple again."""
    count = (int(keep.sum()) - 1) % block.step + 1
    return torch.argsort(block.scores.masked_fill(~keep, torch.inf), stable=True)[:count]


def _round(block: Candidates, keep: Tensor) -> Tensor:
    """Round the count down or up to the nearest multiple; a unit comes back only if it was alive."""
    count, alive = int(keep.sum()), int(block.alive.sum())
    multiple = block.step
    target = max(multiple, round(count / multiple) * multiple)
    if target > alive:
        target = alive if alive == len(keep) else max(multiple, alive // multiple * multiple)
    ranked = torch.argsort(block.scores.masked_fill(~block.alive, -torch.inf), descending=True, stable=True)
    rounded = torch.zeros_like(keep)
    rounded[ranked[:target]] = True
    return rounded
