"""Bottleneck adapters: small networks behind the layer that each block of heads or channels ends in.

They hang on that layer instead of around it, so that whatever finds, cuts, splits or rounds the layer still does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from accel.core.edits import Edit
from accel.errors import NoEffectError
from accel.ops.body import body_of
from accel.ops.hanging import INSERT, hang
from accel.ops.structured.structure import find_blocks


class Bottleneck(nn.Module):
    """Adds to its input what a narrow network makes of it; nothing before it has learned.

    Houlsby et al. 2019 (arXiv 1902.00751).
    """

    def __init__(self, width: int, size: int, like: Tensor) -> None:
        super().__init__()
        self.down = nn.Linear(width, size, device=like.device, dtype=like.dtype)
        self.up = nn.Linear(size, width, device=like.device, dtype=like.dtype)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(torch.relu(self.down(x)))


@dataclass(frozen=True, kw_only=True)
class InsertBottlenecks(Edit):
    """A bottleneck behind every block."""

    name: ClassVar[str] = "bottlenecks"
    reduction: int
    """How many times narrower than the layer's output it is."""

    def change(self, model: nn.Module) -> None:
        blocks = find_blocks(model)
        if not blocks:
            raise NoEffectError(
                "tuning=adapter found no block of heads or channels in this model to put an adapter behind: use "
                "tuning=lora."
            )
        for block in blocks:
            layer = model.get_submodule(block.output)
            width = int(layer.out_features)  # type: ignore[arg-type]
            hang(layer, Bottleneck(width, max(1, width // self.reduction), next(layer.parameters())))


def freeze_all_but_inserts(model: nn.Module) -> nn.Module:
    """Freeze, in place, the body without the bottlenecks; what is outside of the body still trains."""
    for name, parameter in body_of(model).named_parameters():
        parameter.requires_grad_(f".{INSERT}." in f".{name}")
    return model


def insert_norms(model: nn.Module) -> Mapping[str, float]:
    """The largest weight of each bottleneck's second layer, which starts at zero."""
    return {
        name: float(module.up.weight.detach().abs().max())
        for name, module in model.named_modules()
        if isinstance(module, Bottleneck)
    }
