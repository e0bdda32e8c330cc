"""int8 linear layers and embeddings: trained with rounding in the loop, then really stored and run in int8.

The only file that touches torchao. One scheme throughout: symmetric int8, one scale per row, weights per output row
and activations per token, the scale measured anew at every call. torchao's own fake quantizer refuses symmetric
activations ("Symmetric per token is not supported yet", 0.18), which is the scheme its converter runs fastest on a
CPU; so its ``FakeQuantizedLinear`` holds our row quantizer in its two slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.errors import RunError
from accel.logs import quiet_import

with quiet_import():
    from torchao.quantization import PerRow
    from torchao.quantization.qat import FakeQuantizedLinear
    from torchao.quantization.quantize_.workflows.int8.int8_tensor import Int8Tensor, QuantizeTensorToInt8Kwargs

QMIN, QMAX = -128, 127
EPS = torch.finfo(torch.float32).eps
MIN_OUT_FEATURES = 16
"""A smaller linear layer is a classification head: int8 saves nothing there and costs accuracy."""


def row_scale(x: Tensor) -> Tensor:
    """torchao's symmetric scale of each row: the largest magnitude over half the int8 range; shape [..., 1]."""
    return (x.float().abs().amax(dim=-1, keepdim=True) / ((QMAX - QMIN) / 2)).clamp_min(EPS)


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


class Int8Embedding(nn.Module):
    """An embedding stored in int8 with one fp32 scale per row."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.scale = nn.Parameter(scale, requires_grad=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight).to(self.scale.dtype) * F.embedding(input, self.scale)


def prepare(model: nn.Module, *, embeddings: bool) -> int:
    """Put rounding into every linear layer (and embedding) in place, and count them.

    Idempotent. Parameters stay the same objects, so optimizers and shared weights keep working.
    """
    _replace(model, _is_plain_linear, _fake_quantized)
    if embeddings:
        _replace(model, lambda m: type(m) is nn.Embedding, FakeQuantizedEmbedding.from_embedding)
    return sum(1 for _ in fake_quantized(model))


def fake_quantized(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module of every layer with rounding in it."""
    for name, module in model.named_modules():
        if isinstance(module, FakeQuantizedLinear | FakeQuantizedEmbedding):
            yield name, module


def enable(model: nn.Module, enabled: bool) -> None:
    """Switch the rounding of every prepared layer."""
    for module in model.modules():
        if isinstance(module, RowFakeQuantizer):
            module.enabled = enabled


def convert(model: nn.Module) -> nn.Module:
    """Replace, in place, every prepared layer by one that stores and computes int8."""
    _replace(model, lambda m: isinstance(m, FakeQuantizedLinear), lambda m: _int8_linear(m, *quantize_rows(m.weight)))
    _replace(model, lambda m: isinstance(m, FakeQuantizedEmbedding), lambda m: Int8Embedding(*quantize_rows(m.weight)))
    return model


@torch.no_grad()
def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(int8 [rows, columns], fp32 scale [rows, 1]) of a weight."""
    scale = row_scale(weight)
    return (weight.float() * (1.0 / scale)).round().clamp(QMIN, QMAX).to(torch.int8), scale


def quantized_state(model: nn.Module) -> dict[str, Tensor]:
    """A state dict of plain tensors: int8 weights under their own names, scales under ``<name>.weight_scale``."""
    state: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        if isinstance(value, Int8Tensor):
            state[name], state[f"{name}_scale"] = value.qdata, value.scale
        else:
            state[name.removesuffix(".scale") + ".weight_scale" if name.endswith(".scale") else name] = value
    return state


def restore(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Put, in place, int8 layers wherever ``state`` (as of ``quantized_state``) has a scale; consumes those entries."""
    for scale_name in [name for name in state if name.endswith(".weight_scale")]:
        path = scale_name.removesuffix(".weight_scale")
        scale, weight = state.pop(scale_name), state.pop(f"{path}.weight")
        _replace(model, _exactly(model.get_submodule(path)), lambda m, w=weight, s=scale: _int8_module(m, w, s))


def count_quantized(model: nn.Module) -> int:
    """How many layers store int8."""
    return sum(
        isinstance(m, Int8Embedding) or (isinstance(m, nn.Linear) and isinstance(m.weight, Int8Tensor))
        for m in model.modules()
    )


def is_quantized(value: Tensor) -> bool:
    """Whether a tensor is stored in int8."""
    return isinstance(value, Int8Tensor) or value.dtype == torch.int8


def to_float(model: nn.Module) -> nn.Module:
    """Replace, in place, int8 layers by fp32 layers of the same values, for engines that quantize by themselves."""
    _replace(model, lambda m: isinstance(m, nn.Linear) and isinstance(m.weight, Int8Tensor), _float_linear)
    _replace(model, lambda m: isinstance(m, Int8Embedding), _float_embedding)
    return model


def _exactly(module: nn.Module) -> Callable[[nn.Module], bool]:
    return lambda other: other is module


def _is_plain_linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear and module.out_features >= MIN_OUT_FEATURES


def _fake_quantized(linear: nn.Module) -> nn.Module:
    assert isinstance(linear, nn.Linear)
    new = FakeQuantizedLinear.from_linear(linear)
    for slot in ("activation_fake_quantizer", "weight_fake_quantizer"):
        setattr(new, slot, RowFakeQuantizer())
    for name, buffer in linear.named_buffers(recurse=False):  # other techniques keep their masks there
        new.register_buffer(name, buffer)
    return new.train(linear.training)


def _int8_module(old: nn.Module, weight: Tensor, scale: Tensor) -> nn.Module:
    return _int8_linear(old, weight, scale) if isinstance(old, nn.Linear) else Int8Embedding(weight, scale)


def _int8_linear(linear: nn.Module, weight: Tensor, scale: Tensor) -> nn.Linear:
    """A linear layer whose weight is torchao's int8 tensor with dynamic int8 activations."""
    out_features, in_features = weight.shape
    new = nn.Linear(in_features, out_features, bias=linear.bias is not None, device="meta")
    quantized = Int8Tensor(
        weight,
        scale,
        [1, in_features],
        torch.float32,
        act_quant_kwargs=QuantizeTensorToInt8Kwargs(granularity=PerRow()),
    )
    new.weight = nn.Parameter(quantized, requires_grad=False)
    if linear.bias is not None:
        new.bias = nn.Parameter(linear.bias.detach(), requires_grad=False)  # type: ignore[arg-type]
    return new.train(linear.training)


def _float_linear(linear: nn.Module) -> nn.Linear:
    assert isinstance(linear, nn.Linear)
    assert isinstance(linear.weight, Int8Tensor)
    new = nn.Linear(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
    new.weight = nn.Parameter(linear.weight.dequantize(), requires_grad=False)
    if linear.bias is not None:
        new.bias = linear.bias
    return new.train(linear.training)


def _float_embedding(embedding: nn.Module) -> nn.Embedding:
    assert isinstance(embedding, Int8Embedding)
    return nn.Embedding.from_pretrained(embedding.weight.float() * embedding.scale, freeze=True)


def _replace(model: nn.Module, wanted: Callable[[nn.Module], bool], make: Callable[[Any], nn.Module]) -> None:
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
