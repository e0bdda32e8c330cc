"""Frozen layers whose weights are kept in four bits while adapters beside them learn (NF4). The only file with torchao.

Dettmers et al. 2023, QLoRA (arXiv 2305.14314): sixteen values that are quantiles of a normal distribution, a scale for
each block of 64 weights, and the scales rounded to int8 once more. What is stored are plain buffers, so that
checkpoints and strategies see nothing unusual; torchao makes them, and multiplies with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.core.logs import quiet_import
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.quantized_layers import replace as replace_modules

with quiet_import():
    from torchao.quantization import to_nf4

BLOCK = 64
"""Weights that share a scale."""
SCALES = 256
"""Scales that are rounded together, where there are as many."""
WRAPPED = "base_layer"
"""Name of the layer that an adapter stands beside."""
_NOTED = "accel_nf4"


class Nf4Linear(nn.Module):
    """A frozen linear layer with its weight in NF4; nothing but its input has a gradient."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        stored = to_nf4(weight, BLOCK, math.gcd(weight.numel() // BLOCK, SCALES))
        self._kind = type(stored)
        self._parts, self._layout = stored.__tensor_flatten__()
        for name in self._parts:
            self.register_buffer(name, getattr(stored, name))
        self.bias = linear.bias
        self.error = float((self.dense() - weight).norm() / weight.norm().clamp_min(torch.finfo(weight.dtype).tiny))
        """How far the stored weight is from the one that it stands for, as a share of that one's norm."""

    @property
    def weight(self) -> Tensor:
        """As torchao's tensor, which knows how it is multiplied; made of the buffers and cheap."""
        parts: dict[str, Tensor] = {name: getattr(self, name) for name in self._parts}
        meta = replace(self._layout["tensor_meta"], device=next(iter(parts.values())).device)
        return self._kind.__tensor_unflatten__(parts, {**self._layout, "tensor_meta": meta}, None, None)

    def dense(self) -> Tensor:
        """The weight that the stored one stands for."""
        return self.weight.get_original_weight()  # type: ignore[attr-defined]

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def widened(self) -> nn.Linear:
        """A plain layer that computes the same."""
        new = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None, device="meta")
        new.weight = nn.Parameter(self.dense(), requires_grad=False)
        if self.bias is not None:
            new.bias = self.bias
        return new.train(self.training)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


@dataclass(frozen=True)
class Narrowed:
    """What was put into NF4."""

    layers: int
    weights: int
    bytes: int
    """Of all of them, with their scales."""
    error: float
    """The mean over layers of how far stored weights are from what they were, as a share of their norm."""


def narrow(model: nn.Module) -> nn.Module:
    """Put, in place, the weight of every frozen linear layer that an adapter stands beside into NF4. Idempotent.

    One that does not fall into blocks of ``BLOCK`` weights stays as it is.
    """
    wanted = {id(layer) for layer in _wrapped(model) if type(layer) is nn.Linear and not layer.weight.numel() % BLOCK}
    replace_modules(model, lambda m: id(m) in wanted, Nf4Linear)
    layers = [layer for layer in _wrapped(model) if isinstance(layer, Nf4Linear)]
    if layers:
        for layer in layers:
            setattr(layer, fake_quantize.LATER, True)
        note = Narrowed(
            layers=len(layers),
            weights=sum(layer.in_features * layer.out_features for layer in layers),
            bytes=sum(buffer.nbytes for layer in layers for buffer in layer.buffers()),
            error=sum(layer.error for layer in layers) / len(layers),
        )
        setattr(model, _NOTED, note)
    return model


def narrowed(model: nn.Module) -> Narrowed | None:
    """What ``narrow`` has done to a model; None where it did nothing."""
    return getattr(model, _NOTED, None)


def widen(model: nn.Module) -> nn.Module:
    """Make, in place, plain layers of them again, with the rounded weights as they are; rounded anew where asked for.

    Whoever wants to round the merged weight has prepared the rest of the model by then: these layers are prepared too.
    """
    replace_modules(model, lambda m: isinstance(m, Nf4Linear), lambda layer: layer.widened())
    scheme: Any = getattr(model, fake_quantize.SCHEME, None)
    if scheme is not None:
        fake_quantize.prepare(model, scheme)
        fake_quantize.enable(model, enabled=False)
    return model


def _wrapped(model: nn.Module) -> Iterator[nn.Module]:
    for module in model.modules():
        layer = module._modules.get(WRAPPED)
        if layer is not None:
            yield layer
