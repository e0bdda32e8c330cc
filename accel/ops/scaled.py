"""IA3: trained factors on keys, values and the channels of feed-forward networks, merged into the weights at the end.

Liu et al. 2022 (arXiv 2205.05638).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from accel.core.family import HEADS
from accel.errors import NoEffectError
from accel.ops.body import body_of
from accel.ops.quantize.fake_quantize import RoundedLinear
from accel.ops.quantize.quantized_layers import replace
from accel.ops.structured.structure import Block, find_blocks


class Scaled(nn.Module):
    """A linear layer with a factor for each of its last outputs, or for each input.

    Args:
        outputs: how many of the outputs, from the last on, have a factor; 0 where the inputs have one.
    """

    def __init__(self, base_layer: nn.Linear, outputs: int) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.outputs = outputs
        self.factor = nn.Parameter(base_layer.weight.new_ones(outputs or base_layer.in_features))

    @property
    def weight(self) -> Tensor:
        """The frozen one; T5 asks for its dtype."""
        return self.base_layer.weight

    @property
    def rows(self) -> Tensor:
        """A factor for each output, 1 for those that have none."""
        return torch.cat([self.factor.new_ones(self.base_layer.out_features - self.outputs), self.factor])

    def merged(self) -> Tensor:
        """The weight with the factors in it."""
        weight = self.base_layer.weight
        return weight * self.rows.unsqueeze(1) if self.outputs else weight * self.factor

    def forward(self, x: Tensor) -> Tensor:
        base = self.base_layer
        if isinstance(base, RoundedLinear):  # what is rounded is the weight that merging gives
            y = base.multiply(x, self.merged())
            return y if base.bias is None or not self.outputs else y + base.bias * (self.rows - 1)
        return base(x) * self.rows if self.outputs else base(x * self.factor)


def add_factors(model: nn.Module) -> nn.Module:
    """Freeze the body and put factors into every block, in place; the head trains in full. Idempotent.

    Raises:
        NoEffectError: the model has no block.
    """
    if any(isinstance(m, Scaled) for m in model.modules()):
        return model
    blocks = find_blocks(model)
    if not blocks:
        raise NoEffectError("tuning=ia3 found no block of heads or channels in this model: use tuning=lora.")
    body_of(model).requires_grad_(False)
    wanted = {id(model.get_submodule(path)): share for block in blocks for path, share in _places(block)}
    replace(model, lambda m: id(m) in wanted, lambda layer: Scaled(layer, int(layer.out_features * wanted[id(layer)])))
    return model


def _places(block: Block) -> list[tuple[str, float]]:
    """Which layers have factors, and for which share of their outputs: keys and values, or a network's inner values."""
    if block.kind != HEADS:
        return [(block.output, 0.0)]
    if block.fused == 1:
        return [(path, 1.0) for path in block.inputs[1:]]
    return [(path, 1 - 1 / block.fused) for path in block.inputs]


@torch.no_grad()
def merge_factors(model: nn.Module) -> nn.Module:
    """Multiply every factor into its weight and leave plain layers behind, in place."""
    replace(model, lambda m: isinstance(m, Scaled), _merged)
    return model.requires_grad_(True)


def _merged(layer: Scaled) -> nn.Linear:
    base = layer.base_layer
    base.weight.copy_(layer.merged())
    if layer.outputs and base.bias is not None:
        base.bias.mul_(layer.rows)
    return base


def furthest_factors(model: nn.Module) -> dict[str, float]:
    """How far each layer's factors have moved from 1."""
    return {
        name: float((module.factor.detach() - 1).abs().max())
        for name, module in model.named_modules()
        if isinstance(module, Scaled)
    }
