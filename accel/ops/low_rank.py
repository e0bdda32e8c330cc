"""A frozen linear layer with a product of low rank beside it: what is added in place, and who may look inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LowRank:
    """The parts of ``x W' + b + s x A' B'``."""

    base: nn.Linear
    first: nn.Linear
    """Of A, which the input meets."""
    second: nn.Linear
    """Of B, which makes the output."""
    scale: float

    @property
    def learns_by_its_factors(self) -> bool:
        """Whether nothing else learns: no weight or bias of the layer, no bias of the factors."""
        biases = (layer.bias for layer in (self.base, self.first, self.second) if layer.bias is not None)
        return not any(p.requires_grad for p in (self.base.weight, *biases))


@runtime_checkable
class Adapted(Protocol):
    """A layer that may be such a product."""

    def low_rank(self) -> LowRank | None:
        """Its parts; None where calling it means anything else as well."""
        ...


def is_plain(layer: nn.Module) -> bool:
    """Whether it multiplies by its weight and nobody watches."""
    hooked = layer._forward_hooks or layer._forward_pre_hooks
    return type(layer) is nn.Linear and not hooked and type(layer.weight) is nn.Parameter


def is_replaced(layer: nn.Module) -> bool:
    """Whether somebody else does what calling it does: privacy, and split layers."""
    return "forward" in layer.__dict__


def product(
    rows: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """(the output, x A'), [rows, out] and [rows, rank]."""
    narrow = rows @ a.T
    y = rows @ weight.T if bias is None else torch.addmm(bias, rows, weight.T)
    return y.addmm_(narrow, b.T, alpha=scale), narrow


def of_input(above: Tensor, below: Tensor, weight: Tensor, a: Tensor) -> Tensor:
    """The gradient of the input, [rows, in], of those of the output and of x A'."""
    return (above @ weight).addmm_(below, a)
