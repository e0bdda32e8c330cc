"""Layers that store their weights on a grid (``grids.py``) and compute with them: what quantization leaves behind.

The tensors of a layer are plain and the same on every machine; what a kernel needs besides is made when it first runs.
Plain tensors, so that a compiler sees constants: torchao's tensor subclass (0.18) hides them, and inductor then sums
every weight anew at every call (MiniLM, half pruned: 5.8 ms against 4.6 ms).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.ops.hanging import carry
from accel.ops.quantize import kernels
from accel.ops.quantize.grids import (
    BY_NAME,
    FP8,
    INT8,
    SCALE,
    TENSORS,
    ZERO,
    Fp8Rows,
    Stored,
    dequantize,
    quantize_rows,
    unpack,
    weight_name,
)

LEAVE = "accel_leave"
"""Attribute of a layer that is gone before anything is rounded, such as an adapter that will be merged."""


class Quantized(nn.Module):
    """Base of every layer whose weight lies on a grid.

    Args:
        stored: the grid's tensors, by their names in the state dict.
        columns: how many values a row of the weight has.
    """

    weight_scale: Tensor

    def __init__(self, stored: Stored, columns: int) -> None:
        super().__init__()
        self.columns = columns
        if INT8 not in stored:
            self.weight = None  # T5 would cast its activations to the weight's dtype, and leaves int8 alone
        for name, value in stored.items():
            setattr(self, name, nn.Parameter(value.detach(), requires_grad=False))

    @property
    def stored(self) -> dict[str, Tensor]:
        """The grid's tensors."""
        return {name: value for name, value in self._parameters.items() if name in TENSORS and value is not None}

    @property
    def steps(self) -> Tensor:
        """The stored weight, in the grid's own dtype."""
        return self.stored[weight_name(self.stored)]

    @property
    def bits(self) -> int:
        """Of one weight."""
        return BY_NAME[weight_name(self.stored)].bits

    def dequantized(self) -> Tensor:
        """The fp32 weight that the layer stands for."""
        return dequantize(self.stored, self.columns)


class QuantizedEmbedding(Quantized):
    """An embedding stored on a grid; only the rows that are looked up are read."""

    def forward(self, input: Tensor) -> Tensor:
        rows = {name: F.embedding(input, value) for name, value in self.stored.items()}
        return dequantize(rows, self.columns)


class QuantizedLinear(Quantized, ABC):
    """Base of the linear layers; ``bias`` is fp32 [out_features], or none."""

    bias: nn.Parameter | None

    def __init__(self, stored: Stored, bias: Tensor | None, columns: int) -> None:
        super().__init__(stored, columns)
        self.in_features, self.out_features = columns, len(self.steps)
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.multiply(x.reshape(-1, self.in_features))
        if self.bias is not None:
            y = y + self.bias
        return y.reshape(*x.shape[:-1], self.out_features).to(x.dtype)

    @abstractmethod
    def multiply(self, rows: Tensor) -> Tensor:
        """[rows, out_features] of [rows, in_features], without the bias."""

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Int8Linear(QuantizedLinear):
    """int8 weights per output row times int8 activations per token, whose scale is measured anew at every call."""

    def __init__(self, stored: Stored, bias: Tensor | None, columns: int) -> None:
        super().__init__(stored, bias, columns)
        self.by_floats = kernels.int8_is_faster_by_floats()

    def multiply(self, rows: Tensor) -> Tensor:
        steps, scale = quantize_rows(rows)
        product = kernels.multiply_int8(steps, self.steps, by_floats=self.by_floats)
        return product.to(torch.float32) * scale * self.weight_scale.flatten()


class WeightOnlyLinear(QuantizedLinear):
    """Weights of any grid times activations as they come.

    The product is the fp32 one of the weights that the stored tensors stand for. Few rows on a CPU take a packed kernel
    where torch has one: it reads a fraction of the bytes, and rounds the activations to bf16.
    """

    def __init__(self, stored: Stored, bias: Tensor | None, columns: int) -> None:
        super().__init__(stored, bias, columns)
        self.packed: kernels.PackedInt4 | None = None

    def multiply(self, rows: Tensor) -> Tensor:
        if len(rows) <= kernels.FEW_ROWS and self._may_pack(rows):
            self.packed = self.packed or self._pack()
            return self.packed(rows)
        return F.linear(rows, self.dequantized().to(rows.dtype))

    def _may_pack(self, rows: Tensor) -> bool:
        if self.bits != 4 or rows.is_cuda or self.training or torch.compiler.is_compiling():
            return False
        filled_up = 2 * self.steps.shape[-1] != self.columns
        group_size = self.columns // self.weight_scale.shape[-1]
        return not filled_up and self.out_features % 16 == 0 and kernels.has_packed_int4(group_size)

    def _pack(self) -> kernels.PackedInt4:
        zero = unpack(self.stored[ZERO])[:, : self.weight_scale.shape[-1]] if ZERO in self.stored else None
        return kernels.PackedInt4(unpack(self.steps), self.weight_scale, zero)


class Fp8Linear(QuantizedLinear):
    """fp8 weights per output row times fp8 activations per token; emulated in fp32 where the device has no fp8."""

    def multiply(self, rows: Tensor) -> Tensor:
        if not rows.is_cuda:
            return F.linear(Fp8Rows().round(rows), self.dequantized().to(rows.dtype))
        stored = Fp8Rows().quantize(rows)
        return kernels.multiply_fp8(stored[FP8], stored[SCALE], self.steps, self.weight_scale).to(rows.dtype)


def quantized(model: nn.Module) -> list[Quantized]:
    """Every layer whose weight lies on a grid."""
    return [module for module in model.modules() if isinstance(module, Quantized)]


def multiplies_int8(model: nn.Module) -> bool:
    """Whether any matrix product of the model is one of int8 with int8."""
    return any(isinstance(module, Int8Linear) for module in model.modules())


def put_in_place(model: nn.Module, state: Mapping[str, Tensor], layer: type[QuantizedLinear]) -> None:
    """Replace, in place, every layer for which ``state`` holds a scale by a quantized layer with those tensors.

    Names with the same tensor get the same layer.

    Args:
        layer: what linear layers become.
    """
    made: dict[tuple[int, type[nn.Module]], nn.Module] = {}
    for name in state:
        path, _, last = name.rpartition(".")
        if last == SCALE:
            old = model.get_submodule(path)
            if isinstance(old, Quantized):
                continue  # a shared layer, replaced under its other name
            stored = {part: state[f"{path}.{part}"] for part in TENSORS if f"{path}.{part}" in state}
            new = _made_of(old, stored, state.get(f"{path}.bias"), layer)
            new = made.setdefault((id(stored[weight_name(stored)]), type(new)), new)
            replace(model, exactly(old), lambda _, new=new: new)


def _made_of(old: nn.Module, stored: Stored, bias: Tensor | None, layer: type[QuantizedLinear]) -> Quantized:
    if isinstance(old, nn.Embedding):
        return QuantizedEmbedding(stored, old.embedding_dim).train(old.training)
    assert isinstance(old, nn.Linear)
    return layer(stored, bias, old.in_features).train(old.training)


def to_float(model: nn.Module) -> nn.Module:
    """Replace, in place, quantized layers by fp32 layers of the same values, for what needs plain layers."""
    replace(model, lambda m: isinstance(m, QuantizedLinear), _float_linear)
    replace(model, lambda m: isinstance(m, QuantizedEmbedding), _float_embedding)
    return model


def _float_linear(layer: QuantizedLinear) -> nn.Linear:
    new = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
    new.weight = nn.Parameter(layer.dequantized(), requires_grad=False)
    if layer.bias is not None:
        new.bias = layer.bias
    return new.train(layer.training)


def _float_embedding(layer: QuantizedEmbedding) -> nn.Embedding:
    return nn.Embedding.from_pretrained(layer.dequantized(), freeze=True)


def exactly(module: nn.Module) -> Callable[[nn.Module], bool]:
    """Whether another module is this very one."""
    return lambda other: other is module


def replace(model: nn.Module, wanted: Callable[[nn.Module], bool], make: Callable[[Any], nn.Module]) -> None:
    """Replace modules in place, and keep what hangs on them; one that is used twice is replaced by one new module."""
    made: dict[int, nn.Module] = {}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if wanted(child):
                if id(child) not in made:
                    made[id(child)] = carry(child, make(child))
                setattr(parent, name, made[id(child)])
