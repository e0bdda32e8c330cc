"""Layers that store int8 and compute with it: what quantization-aware training leaves behind.

One scheme throughout: symmetric int8, one fp32 scale per row, weights per output row and activations per token, the
activations' scale measured anew at every call. Plain tensors and ``torch._int_mm`` only, so that a compiler sees
constants: torchao's tensor subclass (0.18) hides them, and inductor then sums every weight anew at every call (MiniLM,
half pruned: 5.8 ms against 4.6 ms).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.errors import RunError

QMIN, QMAX = -128, 127
EPS = torch.finfo(torch.float32).eps
SCALE = "weight_scale"
"""Name of a quantized layer's scale; its presence in a state dict says that the layer is int8."""
LEAVE = "accel_leave"
"""Attribute of a layer that is gone before anything is rounded, such as an adapter that will be merged."""
CUDA_MIN_ROWS = 17
"""cuBLAS multiplies int8 matrices of more than 16 rows only."""


def row_scale(x: Tensor) -> Tensor:
    """Symmetric scale of each row: the largest magnitude over half the int8 range; shape [..., 1]."""
    return (x.float().abs().amax(dim=-1, keepdim=True) / ((QMAX - QMIN) / 2)).clamp_min(EPS)


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """(int8 [rows, columns], fp32 scale [rows, 1])."""
    scale = row_scale(x)
    return (x.float() * (1.0 / scale)).round().clamp(QMIN, QMAX).to(torch.int8), scale


class Int8Linear(nn.Module):
    """A linear layer with int8 weights and dynamic int8 activations.

    Args:
        weight: int8 [out_features, in_features].
        weight_scale: fp32 [out_features, 1].
        bias: fp32 [out_features], or none.
    """

    def __init__(self, weight: Tensor, weight_scale: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.weight_scale = nn.Parameter(weight_scale, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, scale = quantize_rows(x.reshape(-1, self.in_features))
        y = multiply(rows, self.weight).to(torch.float32) * scale * self.weight_scale.flatten()
        if self.bias is not None:
            y = y + self.bias
        return y.reshape(*x.shape[:-1], self.out_features).to(x.dtype)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Int8Embedding(nn.Module):
    """An embedding stored in int8 with one fp32 scale per row.

    Args:
        weight: int8 [rows, columns].
        weight_scale: fp32 [rows, 1].
    """

    def __init__(self, weight: Tensor, weight_scale: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.weight_scale = nn.Parameter(weight_scale, requires_grad=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight).to(torch.float32) * F.embedding(input, self.weight_scale)


def multiply(rows: Tensor, weight: Tensor) -> Tensor:
    """int32 [rows, out_features] of int8 [rows, in_features] and int8 [out_features, in_features]."""
    count = rows.shape[0]
    if rows.is_cuda and count < CUDA_MIN_ROWS:
        rows = F.pad(rows, (0, 0, 0, CUDA_MIN_ROWS - count))
    return torch._int_mm(rows, weight.t())[:count]


def count_quantized(model: nn.Module) -> int:
    """How many layers store int8."""
    return sum(isinstance(m, Int8Linear | Int8Embedding) for m in model.modules())


def is_quantized(value: Tensor) -> bool:
    """Whether a tensor is stored in int8."""
    return value.dtype == torch.int8


def put_in_place(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Replace, in place, every layer for which ``state`` holds a scale by an int8 layer with those tensors.

    Names with the same tensor get the same layer.
    """
    made: dict[int, nn.Module] = {}
    for name in state:
        path, _, last = name.rpartition(".")
        if last == SCALE:
            old = model.get_submodule(path)
            if isinstance(old, Int8Linear | Int8Embedding):
                continue  # a shared layer, replaced under its other name
            weight, scale, bias = state[f"{path}.weight"], state[name], state.get(f"{path}.bias")
            new = Int8Embedding(weight, scale) if isinstance(old, nn.Embedding) else Int8Linear(weight, scale, bias)
            new = made.setdefault(id(weight), new)
            replace(model, exactly(old), lambda _, new=new: new)


def to_float(model: nn.Module) -> nn.Module:
    """Replace, in place, int8 layers by fp32 layers of the same values, for engines that quantize by themselves."""
    replace(model, lambda m: isinstance(m, Int8Linear), _float_linear)
    replace(model, lambda m: isinstance(m, Int8Embedding), _float_embedding)
    return model


def dequantized(layer: Int8Linear | Int8Embedding) -> Tensor:
    """The fp32 weight that the layer stands for."""
    return layer.weight.float() * layer.weight_scale


def _float_linear(layer: Int8Linear) -> nn.Linear:
    new = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
    new.weight = nn.Parameter(dequantized(layer), requires_grad=False)
    if layer.bias is not None:
        new.bias = layer.bias
    return new.train(layer.training)


def _float_embedding(layer: Int8Embedding) -> nn.Embedding:
    return nn.Embedding.from_pretrained(dequantized(layer), freeze=True)


def exactly(module: nn.Module) -> Callable[[nn.Module], bool]:
    """Whether another module is this very one."""
    return lambda other: other is module


def replace(model: nn.Module, wanted: Callable[[nn.Module], bool], make: Callable[[Any], nn.Module]) -> None:
    """Replace modules in place; a module that is used twice is replaced by one new module in both places."""
    made: dict[int, nn.Module] = {}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if wanted(child):
                if id(child) not in made:
                    made[id(child)] = make(child)
                setattr(parent, name, made[id(child)])


def require_int8_kernel() -> None:
    """Fail clearly when this torch has no int8 matrix product.

    Raises:
        RunError: names the torch version.
    """
    try:
        torch._int_mm(torch.ones(32, 32, dtype=torch.int8), torch.ones(32, 32, dtype=torch.int8))
    except (AttributeError, RuntimeError) as error:
        raise RunError(
            f"torch {torch.__version__} cannot multiply int8 matrices here ({error}): leave qat out."
        ) from None
