"""Quantized layers as ONNX operators, with the very tensors that were trained: nothing is rounded a second time.

int8 x int8 is ``MatMulInteger`` of the standard, with a scale per token: onnxruntime's own dynamic quantization has one
scale for all tokens of a batch, so that a text's answer depends on its neighbours. Where the processor that writes the
file cannot add up signed weights exactly, they are shifted to unsigned ones. Weight-only layers are onnxruntime's
``MatMulNBits``. OpenVINO has a fast kernel for neither, and gets int8 weights that are read into fp32: it multiplies
those in int8 with activations rounded in groups of a row. Embeddings need no operator of their own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.export.onnx import export_onnx
from accel.export.saturation import saturates
from accel.ops.quantize.grids import EPS, QMAX, QMIN, SCALE, ZERO, unpack
from accel.ops.quantize.quantized_layers import (
    Int8Linear,
    QuantizedEmbedding,
    QuantizedLinear,
    WeightOnlyLinear,
    quantized,
    replace,
)

ZERO_POINT = 128
"""int8 steps are shifted into uint8: on x86, MatMulInteger has no fast kernel for two signed matrices (20x slower)."""
INT8_BLOCK = 128
"""MatMulNBits wants a scale for each block of a row; those of a row are equal."""
FP32_ACTIVATIONS, INT8_ACTIVATIONS = 0, 4
"""Values of MatMulNBits' ``accuracy_level``."""


class _Int8Product(nn.Module):
    def __init__(self, layer: Int8Linear) -> None:
        super().__init__()
        self.out_features = layer.out_features
        weight = layer.steps.t().contiguous()
        zero_point = torch.tensor(ZERO_POINT, dtype=torch.uint8)
        parts = [_shifted(weight), zero_point, zero_point.clone()] if saturates() else [weight, zero_point]
        self.parts = nn.ParameterList(_constant(part) for part in parts)
        self.weight = None  # T5 asks for its dtype, and takes this for an answer
        self.scale = _constant(layer.weight_scale.flatten())
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        scale = (x.abs().amax(dim=-1, keepdim=True) / ((QMAX - QMIN) / 2)).clamp_min(EPS)
        steps = (x * (1.0 / scale)).round().clamp(QMIN, QMAX) + ZERO_POINT
        product = torch.onnx.ops.symbolic(
            "MatMulInteger",
            (steps.to(torch.uint8), *self.parts),
            dtype=torch.int32,
            shape=(*x.shape[:-1], self.out_features),
        )
        y = product.to(torch.float32) * scale * self.scale
        return y if self.bias is None else y + self.bias


class _DequantizedProduct(nn.Module):
    """A plain product with int8 weights that the graph reads into fp32: OpenVINO makes one int8 product of it."""

    def __init__(self, layer: QuantizedLinear) -> None:
        super().__init__()
        self.weight = _constant(layer.steps.t().contiguous())
        self.scale = _constant(layer.weight_scale.flatten())
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.onnx.ops.symbolic(
            "DequantizeLinear",
            (self.weight, self.scale),
            {"axis": 1},
            dtype=torch.float32,
            shape=self.weight.shape,
        )
        y = x @ weight
        return y if self.bias is None else y + self.bias


class _NBitsProduct(nn.Module):
    def __init__(self, layer: WeightOnlyLinear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.bits, self.block_size, parts = _blocks(layer)
        self.parts = nn.ParameterList(_constant(part) for part in parts)
        self.weight = None  # for T5, as above
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        y = torch.onnx.ops.symbolic(
            "com.microsoft::MatMulNBits",
            (x, *self.parts),
            {
                "K": self.in_features,
                "N": self.out_features,
                "bits": self.bits,
                "block_size": self.block_size,
                "accuracy_level": FP32_ACTIVATIONS,
            },
            dtype=torch.float32,
            shape=(*x.shape[:-1], self.out_features),
            version=1,
        )
        return y if self.bias is None else y + self.bias


def _shifted(steps: Tensor) -> Tensor:
    """int8 as uint8 around ``ZERO_POINT``."""
    return (steps.to(torch.int16) + ZERO_POINT).to(torch.uint8)


def _blocks(layer: WeightOnlyLinear) -> tuple[int, int, list[Tensor]]:
    """(bits, block size, [weight, scale] or [weight, scale, zero]) as MatMulNBits wants them."""
    stored, rows = layer.stored, layer.out_features
    if layer.bits == 8:
        steps = F.pad(_shifted(layer.steps), (0, -layer.in_features % INT8_BLOCK), value=ZERO_POINT)
        blocks = steps.reshape(rows, -1, INT8_BLOCK)
        return 8, INT8_BLOCK, [blocks, stored[SCALE].expand(-1, blocks.shape[1]).contiguous()]
    blocks = layer.steps.reshape(rows, stored[SCALE].shape[1], -1)
    zero = [stored[ZERO]] if ZERO in stored else []
    return 4, 2 * blocks.shape[-1], [blocks, stored[SCALE].float(), *zero]


class _Int4Rows(nn.Module):
    """The rows of an int4 table; the exporter has no shift of bytes, so halves are taken apart by arithmetic."""

    def __init__(self, table: QuantizedEmbedding) -> None:
        super().__init__()
        self.columns = table.columns
        self.weight, self.scale = _constant(table.steps), _constant(table.weight_scale.float())
        groups = table.weight_scale.shape[1]
        zero = unpack(table.stored[ZERO])[:, :groups] if ZERO in table.stored else None
        self.zero = None if zero is None else _constant(zero)

    def forward(self, input: Tensor) -> Tensor:
        both = F.embedding(input, self.weight).to(torch.float32)
        high = (both / 16).floor()
        steps = torch.stack((both - 16 * high, high), dim=-1).flatten(-2)
        zero = 8.0 if self.zero is None else F.embedding(input, self.zero).to(torch.float32).unsqueeze(-1)
        groups = steps.unflatten(-1, (self.scale.shape[1], -1))
        return ((groups - zero) * F.embedding(input, self.scale).unsqueeze(-1)).flatten(-2)[..., : self.columns]


def _constant(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value.detach(), requires_grad=False)


def has_operators(model: nn.Module) -> bool:
    """Whether every quantized layer of the model has a form in ONNX."""
    return bool(quantized(model)) and all(type(layer) in (*_LINEARS, QuantizedEmbedding) for layer in quantized(model))


def has_int8_weights(model: nn.Module) -> bool:
    """Whether linear layers are quantized, and all of those have weights in int8."""
    linears = quantized_linears(model)
    return has_operators(model) and bool(linears) and all(layer.bits == 8 for layer in linears)


def with_operators(model: nn.Module) -> nn.Module:
    """A copy for export alone: its linear layers are ONNX operators."""
    return _exchanged(model, _LINEARS)


def write_quantized(model: nn.Module, file: Path) -> None:
    """Write a quantized model with its own weights; weight-only layers compute with fp32 activations.

    Raises:
        UnsupportedError: the architecture has no ONNX form.
    """
    export_onnx(with_operators(model), file)


def with_dequantized_weights(model: nn.Module) -> nn.Module:
    """A copy for export alone: its linear layers are fp32 products with weights stored in int8."""
    return _exchanged(model, dict.fromkeys(_LINEARS, _DequantizedProduct))


def _exchanged(model: nn.Module, linears: Mapping[type[nn.Module], Callable[[Any], nn.Module]]) -> nn.Module:
    model = copy.deepcopy(model)
    replace(model, lambda m: type(m) in linears, lambda layer: linears[type(layer)](layer))
    replace(model, _is_int4_table, _Int4Rows)
    return model


_LINEARS: Mapping[type[nn.Module], Callable[[Any], nn.Module]] = {
    Int8Linear: _Int8Product,
    WeightOnlyLinear: _NBitsProduct,
}


def _is_int4_table(module: nn.Module) -> bool:
    return isinstance(module, QuantizedEmbedding) and module.bits == 4


def bits_of(model: nn.Module) -> int:
    """Of the model's quantized linear layers, or of its tables where every linear layer stayed in full precision."""
    return min(layer.bits for layer in quantized_linears(model) or quantized(model))


def quantized_linears(model: nn.Module) -> list[QuantizedLinear]:
    """Every quantized layer that is no embedding."""
    return [layer for layer in quantized(model) if isinstance(layer, QuantizedLinear)]


def compute_in_int8(file: Path) -> None:
    """Let onnxruntime round the activations of every MatMulNBits to int8, block by block: its faster kernel."""
    import onnx

    graph = onnx.load(file)
    for node in graph.graph.node:
        for attribute in node.attribute:
            if node.op_type == "MatMulNBits" and attribute.name == "accuracy_level":
                attribute.i = INT8_ACTIVATIONS
    onnx.save(graph, file)
