"""Rounding to int8 in the training loop, and its conversion to layers that store int8 (``int8_layers.py``).

The only file that touches torchao. torchao's own fake quantizer refuses symmetric activations per token ("Symmetric
per token is not supported yet", 0.18), which is the fastest scheme on a CPU; so its ``FakeQuantizedLinear`` holds our
row quantizer in its two slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from accel.logs import quiet_import
from accel.ops.int8_layers import LEAVE, QMAX, QMIN, Int8Embedding, Int8Linear, quantize_rows, replace, row_scale

with quiet_import():
    from torchao.quantization.qat import FakeQuantizedLinear

MIN_OUT_FEATURES = 16
"""A smaller linear layer is a classification head: int8 saves nothing there and costs accuracy."""


class _RoundRows(torch.autograd.Function):
    """Round every row to its int8 grid; the gradient passes straight through (Bengio et al. 2013, arXiv 1308.3432)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        rows = x.reshape(-1, x.shape[-1])
        scale = row_scale(rows).flatten()
        zero = torch.zeros_like(scale, dtype=torch.int32)
        rounded = torch.fake_quantize_per_channel_affine(rows.float(), scale, zero, 0, QMIN, QMAX)
        return rounded.reshape(x.shape).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        del ctx
        return grads[0]


class RowFakeQuantizer(nn.Module):
    """Rounds the rows of what it is given while ``enabled``; has no state of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True

    def forward(self, x: Tensor) -> Tensor:
        return _RoundRows.apply(x) if self.enabled else x  # type: ignore[return-value]


class FakeQuantizedEmbedding(nn.Embedding):
    """An embedding whose rows are rounded after they were looked up: the same function as rounding the whole table."""

    weight_fake_quantizer: RowFakeQuantizer

    @classmethod
    def from_embedding(cls, embedding: nn.Embedding) -> FakeQuantizedEmbedding:
        """The same table, by reference."""
        new = cls(*embedding.weight.shape, padding_idx=embedding.padding_idx, _weight=embedding.weight, device="meta")
        new.weight = embedding.weight
        new.weight_fake_quantizer = RowFakeQuantizer()
        return new

    def forward(self, input: Tensor) -> Tensor:
        return self.weight_fake_quantizer(super().forward(input))


def prepare(model: nn.Module, *, embeddings: bool) -> int:
    """Put rounding into every linear layer (and embedding) in place, and count them.

    Idempotent. Parameters stay the same objects, so optimizers and shared weights keep working.
    """
    replace(model, _is_plain_linear, _fake_quantized)
    if embeddings:
        replace(model, lambda m: type(m) is nn.Embedding, FakeQuantizedEmbedding.from_embedding)
    return sum(1 for _ in fake_quantized(model))


def fake_quantized(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module of every layer with rounding in it."""
    for name, module in model.named_modules():
        if is_rounded(module):
            yield name, module


def is_rounded(module: nn.Module) -> bool:
    """Whether training rounds this layer's weight, so that it will be stored in int8."""
    return isinstance(module, FakeQuantizedLinear | FakeQuantizedEmbedding)


def enable(model: nn.Module, enabled: bool) -> None:
    """Switch the rounding of every prepared layer."""
    for module in model.modules():
        if isinstance(module, RowFakeQuantizer):
            module.enabled = enabled


def convert(model: nn.Module) -> nn.Module:
    """Replace, in place, every prepared layer by one that stores and computes int8."""
    replace(model, lambda m: isinstance(m, FakeQuantizedLinear), _int8_linear)
    tables: dict[int, Int8Embedding] = {}  # T5 has three embeddings with one weight, and shall store it once

    def table(embedding: nn.Embedding) -> Int8Embedding:
        return tables.setdefault(id(embedding.weight), _int8_embedding(embedding))

    replace(model, lambda m: isinstance(m, FakeQuantizedEmbedding), table)
    return model


def _is_plain_linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear and module.out_features >= MIN_OUT_FEATURES and not hasattr(module, LEAVE)


def _fake_quantized(linear: nn.Module) -> nn.Module:
    assert isinstance(linear, nn.Linear)
    new = FakeQuantizedLinear.from_linear(linear)
    for slot in ("activation_fake_quantizer", "weight_fake_quantizer"):
        setattr(new, slot, RowFakeQuantizer())
    for name, buffer in linear.named_buffers(recurse=False):  # other techniques keep their masks there
        new.register_buffer(name, buffer)
    return new.train(linear.training)


@torch.no_grad()
def _int8_linear(linear: nn.Linear) -> Int8Linear:
    return Int8Linear(*quantize_rows(linear.weight), linear.bias).train(linear.training)


@torch.no_grad()
def _int8_embedding(embedding: nn.Embedding) -> Int8Embedding:
    return Int8Embedding(*quantize_rows(embedding.weight))
