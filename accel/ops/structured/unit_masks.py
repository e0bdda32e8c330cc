"""Masks over removable units during training: which units live is a buffer, so it is saved and resumed.

The masked columns are zeroed after every optimizer step, so no forward pass changes, every optimizer is supported,
and under DDP all ranks agree: the choice is made from gradients that were already averaged.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from accel.core.family import CHANNELS, HEADS
from accel.ops.structured.cost_model import CostModel, in_parameters
from accel.ops.structured.importance import Candidates, choose
from accel.ops.structured.structure import KEEP, Block, find_blocks, mask_units, output_weight, remove_units

SCORE = "accel_score"
PRICES = "accel_prices"
"""Attribute of a model: what its units cost in the currency of the budget."""


def attach(model: nn.Module) -> None:
    """Give each block's output layer two buffers: which units are kept, and their running score. Idempotent."""
    for block in find_blocks(model):
        output = model.get_submodule(block.output)
        if not hasattr(output, KEEP):
            output.register_buffer(KEEP, torch.ones(block.num_units, dtype=torch.bool))
            output.register_buffer(SCORE, torch.zeros(block.num_units))


def price(model: nn.Module, prices: CostModel) -> None:
    """Note what units cost; a function of the plan and the machine, so no checkpoint holds it."""
    setattr(model, PRICES, prices)


def keep_of(model: nn.Module, block: Block) -> Tensor:
    """The block's mask, bool [num_units]."""
    return model.get_submodule(block.output).get_buffer(KEEP)


def _score_of(model: nn.Module, block: Block) -> Tensor:
    return model.get_submodule(block.output).get_buffer(SCORE)


def scores_of(model: nn.Module, blocks: list[Block]) -> dict[str, Tensor]:
    """The running scores, by block name: the buffers themselves."""
    return {block.name: _score_of(model, block) for block in blocks}


@torch.no_grad()
def update_masks(
    model: nn.Module, blocks: list[Block], prices: CostModel, fraction: float, multiple_of: int, *, final: bool
) -> None:
    """Mask the least important units until ``fraction`` of what all units cost is gone."""
    candidates = [
        Candidates(
            scores=_score_of(model, block),
            alive=keep_of(model, block),
            cost_per_unit=prices.per_unit[block.name],
            multiple_of=multiple_of if block.kind == CHANNELS else 1,
        )
        for block in blocks
    ]
    for block, keep in zip(blocks, choose(candidates, fraction, final=final), strict=True):
        keep_of(model, block).copy_(keep)


@torch.no_grad()
def apply_masks(model: nn.Module, blocks: list[Block]) -> None:
    """Zero what is masked."""
    for block in blocks:
        mask_units(model, block, keep_of(model, block))


def remove_masked(model: nn.Module) -> nn.Module:
    """Cut every masked unit out of the model in place, and the masks with them."""
    for block in find_blocks(model):
        output = model.get_submodule(block.output)
        remove_units(model, block, keep_of(model, block))
        for buffer in (KEEP, SCORE):
            delattr(output, buffer)
    return model


def figures(model: nn.Module) -> dict[str, Any]:
    """What is gone: heads, channels, and the share of removable parameters."""
    blocks = find_blocks(model)
    gone: dict[str, int] = {HEADS: 0, CHANNELS: 0}
    total: dict[str, int] = {HEADS: 0, CHANNELS: 0}
    removed = removable = leaking = 0
    for block in blocks:
        keep, cost = keep_of(model, block), block.parameters_per_unit(model)
        gone[block.kind] += int((~keep).sum())
        total[block.kind] += block.num_units
        removed += cost * int((~keep).sum())
        removable += cost * block.num_units
        columns = keep.repeat_interleave(block.unit_width)
        leaking += int(output_weight(model, block)[:, ~columns].count_nonzero())
    counts = {block.name: int(keep_of(model, block).sum()) for block in blocks}
    prices: CostModel = getattr(model, PRICES, None) or in_parameters(model, blocks)
    if leaking:
        raise RuntimeError(f"{leaking} masked weights are not zero: something wrote to them after the last step")
    return {
        "removed_heads": gone[HEADS],
        "heads": total[HEADS],
        "removed_channels": gone[CHANNELS],
        "channels": total[CHANNELS],
        "removed_fraction": removed / max(1, removable),
        "cost": prices.of(counts),
        "cost_unit": prices.unit,
        "units_per_block": counts,
    }
