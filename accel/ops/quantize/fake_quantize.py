"""Rounding in the training loop, and the conversion of what was trained to layers that store it.

Any scheme (``schemes.py``): training sees each weight as ``grid.round`` gives it, and conversion stores that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.ops.quantize.grids import QuantizationGrid
from accel.ops.quantize.quantized_layers import LEAVE, QuantizedEmbedding, replace
from accel.ops.quantize.schemes import Int8, Scheme
from accel.ops.structured.structure import KEEP, position_tables

MIN_OUT_FEATURES = 16
"""A smaller linear layer is a classification head: rounding saves nothing there and costs accuracy."""
SCHEME = "accel_scheme"
"""Attribute of a model: the scheme that its rounded layers will be stored in."""
LATER = "accel_later"
"""Attribute of a layer that is none of those that are rounded yet, and will be one when training is over."""
SPENDING = "accel_spending"
"""Attribute of a model: what was measured to choose the layers in full precision."""


class _Round(torch.autograd.Function):
    """Round to a grid; the gradient passes straight through (Bengio et al. 2013, arXiv 1308.3432)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: QuantizationGrid, keep: Tensor | None) -> Tensor:
        del ctx
        return grid.round(x) if keep is None else grid.round_columns(x, keep)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        del ctx
        return grads[0], None, None


class Rounder(nn.Module):
    """Rounds what it is given to its grid while ``enabled``; has no state of its own."""

    def __init__(self, grid: QuantizationGrid | None) -> None:
        super().__init__()
        self.grid = grid
        self.enabled = True

    @property
    def active(self) -> bool:
        """Whether it rounds."""
        return self.enabled and self.grid is not None

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """``keep``: the columns that are there in the end; bool, None for all."""
        if self.grid is None or not self.enabled:  # not active, in a form that tells the type checker
            return x
        return _Round.apply(x, self.grid, keep)  # type: ignore[return-value]


class RoundedLinear(nn.Linear):
    """A linear layer that sees its input and its weight rounded."""

    input_rounder: Rounder
    weight_rounder: Rounder
    kept_because: str = ""
    """Why it stays in full precision after all; empty where it does not."""

    @classmethod
    def of(cls, linear: nn.Linear, scheme: Scheme) -> RoundedLinear:
        """The same parameters and buffers, by reference: other techniques keep their masks there."""
        new = cls(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
        new.weight, new.bias = linear.weight, linear.bias
        for name, buffer in linear.named_buffers(recurse=False):
            new.register_buffer(name, buffer)
        new.input_rounder, new.weight_rounder = Rounder(scheme.activations), Rounder(scheme.weights)
        return new.train(linear.training)

    def forward(self, input: Tensor) -> Tensor:
        return self.multiply(input, self.weight)

    def multiply(self, input: Tensor, weight: Tensor) -> Tensor:
        """The layer with another weight in place of its own."""
        return F.linear(self.input_rounder(input), self.rounded(weight), self.bias)

    def rounded(self, weight: Tensor) -> Tensor:
        """A weight as it will be stored once the masked columns are gone."""
        return self.weight_rounder(weight, self._kept_columns())

    def _kept_columns(self) -> Tensor | None:
        keep = self._buffers.get(KEEP)
        if keep is None or bool(keep.all()):
            return None
        return keep.repeat_interleave(self.in_features // len(keep))

    def plain(self) -> nn.Linear:
        """The layer without rounding, by reference."""
        new = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None, device="meta")
        new.weight, new.bias = self.weight, self.bias
        for name, buffer in self.named_buffers(recurse=False):
            new.register_buffer(name, buffer)
        return new.train(self.training)


class RoundedEmbedding(nn.Embedding):
    """An embedding whose rows are rounded after they were looked up: the same function as rounding the whole table."""

    weight_rounder: Rounder

    @classmethod
    def of(cls, embedding: nn.Embedding, grid: QuantizationGrid | None) -> RoundedEmbedding:
        """The same table, by reference."""
        new = cls(*embedding.weight.shape, padding_idx=embedding.padding_idx, _weight=embedding.weight, device="meta")
        new.weight = embedding.weight
        new.weight_rounder = Rounder(grid)
        return new

    def forward(self, input: Tensor) -> Tensor:
        return self.weight_rounder(super().forward(input))

    def plain(self) -> nn.Embedding:
        """The table without rounding, by reference."""
        new = nn.Embedding(*self.weight.shape, padding_idx=self.padding_idx, _weight=self.weight, device="meta")
        new.weight = self.weight
        return new


Rounded = RoundedLinear | RoundedEmbedding


def prepare(model: nn.Module, scheme: Scheme) -> int:
    """Put rounding into every linear layer (and embedding) in place, and count them and those that will be some.

    Idempotent. Parameters stay the same objects, so optimizers and shared weights keep working. T5's position tables
    stay as they are: they are small, and their rows change when heads go.
    """
    _refuse_conv1d(model)
    setattr(model, SCHEME, scheme)
    replace(model, _is_plain_linear, lambda linear: RoundedLinear.of(linear, scheme))
    if scheme.embeddings is not None:
        left = {id(table) for table in position_tables(model)}
        replace(
            model,
            lambda m: type(m) is nn.Embedding and id(m) not in left,
            lambda table: RoundedEmbedding.of(table, scheme.embeddings),
        )
    return sum(1 for _ in rounded_layers(model)) + sum(hasattr(module, LATER) for module in model.modules())


def rounded_layers(model: nn.Module) -> Iterator[tuple[str, Rounded]]:
    """Name and module of every layer with rounding in it."""
    for name, module in model.named_modules():
        if isinstance(module, RoundedLinear | RoundedEmbedding):
            yield name, module


def rounders_of(layer: Rounded) -> list[Rounder]:
    """Of its input and its weight; an adapter may hang beside them."""
    return [child for child in layer.children() if isinstance(child, Rounder)]


def finished_name(name: str) -> str:
    """What a layer is called once the adapter around it is merged."""
    return name.removesuffix(".base_layer").removesuffix(".adapter")


def full_precision_layers(model: nn.Module) -> dict[str, str]:
    """Name of every layer with a matrix that stays as it is, and why; an adapter's is that of the layer it adapts."""
    found = {}
    tables = {id(table) for table in position_tables(model)}
    for name, module in model.named_modules():
        name = finished_name(name)
        if isinstance(module, RoundedLinear):
            if module.kept_because:
                found[name] = f"kept: {module.kept_because}"
        elif isinstance(module, nn.Linear) and not hasattr(module, LEAVE):
            small = module.out_features < MIN_OUT_FEATURES
            found[name] = f"{module.out_features} outputs, fewer than {MIN_OUT_FEATURES}" if small else "left by choice"
        elif isinstance(module, nn.Embedding) and not isinstance(module, RoundedEmbedding):
            found[name] = "a table of positions" if id(module) in tables else "embeddings are left by choice"
    return found


def keep_full_precision(model: nn.Module, reasons: Mapping[str, str], spent: Mapping[str, Any] | None = None) -> None:
    """Never round the named linear layers, in place: they are stored as they are.

    Args:
        reasons: by name, why; for the record.
        spent: what they cost, for the record.
    """
    setattr(model, SPENDING, dict(spent or {}))
    for name, module in rounded_layers(model):
        if isinstance(module, RoundedLinear) and name in reasons:
            module.kept_because = reasons[name]
            enable(module, enabled=False)


def spending(model: nn.Module) -> dict[str, Any]:
    """What was measured to choose the layers in full precision; empty where nothing was."""
    return getattr(model, SPENDING, {})


def enable(model: nn.Module, enabled: bool) -> None:
    """Switch the rounding of every prepared layer that does not stay in full precision."""
    for _, layer in rounded_layers(model):
        for rounder in rounders_of(layer):
            rounder.enabled = enabled and not (isinstance(layer, RoundedLinear) and layer.kept_because)


@torch.no_grad()
def convert(model: nn.Module) -> nn.Module:
    """Replace, in place, every prepared layer by one that stores what it was rounded to; a shared weight once."""
    scheme: Scheme = getattr(model, SCHEME)
    made: dict[tuple[int, QuantizationGrid], dict[str, Tensor]] = {}

    def stored(weight: Tensor, grid: QuantizationGrid) -> dict[str, Tensor]:
        key = (id(weight), grid)
        if key not in made:
            made[key] = grid.quantize(weight)
        return made[key]

    def linear(layer: RoundedLinear) -> nn.Module:
        if layer.kept_because:
            return layer.plain()
        new = scheme.layer(stored(layer.weight, scheme.weights), layer.bias, layer.in_features)
        return new.train(layer.training)

    def table(layer: RoundedEmbedding) -> nn.Module:
        assert scheme.embeddings is not None  # else it was not prepared
        return QuantizedEmbedding(stored(layer.weight, scheme.embeddings), layer.embedding_dim)

    replace(model, lambda m: isinstance(m, RoundedLinear), linear)
    replace(model, lambda m: isinstance(m, RoundedEmbedding), table)
    return model


def _refuse_conv1d(model: nn.Module) -> None:
    """GPT-2's linear layers by another name, which ``accel.ops.conv1d`` should have replaced when it was loaded."""
    names = [name for name, module in model.named_modules() if type(module).__name__ == "Conv1D"]
    if names:
        raise RuntimeError(f"{len(names)} layers are Conv1D and would be skipped in silence: {', '.join(names[:3])} …")


def _is_plain_linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear and module.out_features >= MIN_OUT_FEATURES and not hasattr(module, LEAVE)


def scheme_name(model: nn.Module) -> str:
    """The scheme of the model's quantized layers; the default one where nothing is quantized."""
    scheme: Scheme | None = getattr(model, SCHEME, None)
    return Int8.name if scheme is None else scheme.name
