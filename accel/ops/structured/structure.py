"""Removable units of a transformer: its attention heads, feed-forward channels and layers.

A *block* is a set of equal units (heads, or
channels) whose outputs meet in one linear layer: removing a unit means dropping its rows in the ``inputs`` and its
columns in the ``output``; masking it means zeroing those columns, which gives the same function.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from accel.core.family import FAMILIES, HEADS, Layout, family_of
from accel.ops.parallel.shards import local, part_like
from accel.ops.quantize.quantized_layers import QuantizedLinear

KEEP = "accel_keep"
"""Buffer of a block's output layer while units are masked: which of them are kept, bool [num_units]."""
PREFIX = "accel_prefix"
"""Name, inside an attention, of the table with its trained keys and values: columns for each head, keys first."""


@dataclass(frozen=True)
class Stack:
    """Layers that follow each other; the first one is special in T5, where it owns the position bias of all."""

    layers: nn.ModuleList
    count_key: str


@dataclass(frozen=True)
class Block:
    """Units that can be removed one by one; all paths are full module names."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    output: str
    num_units: int
    unit_width: int
    """Columns of the output layer per unit: the width of its query heads, or 1."""
    fused: int
    owner: str
    layout: Layout

    def parameters_per_unit(self, model: nn.Module) -> int:
        """How many parameters disappear with one unit."""
        biases = sum(self.rows_per_unit(model, path) for path in self.inputs if _linear(model, path).bias is not None)
        positions = self.positions(model)
        return self.weights_per_unit(model) + biases + (positions.num_embeddings if positions else 0)

    def positions(self, model: nn.Module) -> nn.Embedding | None:
        """The attention's own table with a column for each head, where ``own_positions`` has given it one."""
        return getattr(model.get_submodule(self.owner), self.layout.positions, None) if self.layout.positions else None

    def weights_per_unit(self, model: nn.Module) -> int:
        """The same without biases: what is multiplied with every token."""
        into = sum(self.rows_per_unit(model, path) * _linear(model, path).in_features for path in self.inputs)
        return into + self.unit_width * _linear(model, self.output).out_features

    def rows_per_unit(self, model: nn.Module, path: str) -> int:
        """Rows of an input layer that belong to one unit, in all of its fused parts."""
        return _linear(model, path).out_features // self.num_units


def find_blocks(model: nn.Module, *, wrapped: bool = False) -> list[Block]:
    """Every removable block of the model, in module order.

    Args:
        model: a transformers model with a ``config`` whose ``model_type`` is in ``FAMILIES``; else the list is empty.
        wrapped: whether layers count that adapters are wrapped around.
    """
    layouts = family_of(model.config.model_type).layouts  # type: ignore[union-attr, arg-type]
    has = _has_wrapped if wrapped else _has
    return [block for name, layer in model.named_modules() for block in _blocks_of(name, layer, layouts, has)]


def find_stacks(model: nn.Module) -> list[Stack]:
    """Every stack of layers of the model; empty for an architecture that is not in ``FAMILIES``."""
    stacks = family_of(model.config.model_type).stacks  # type: ignore[union-attr, arg-type]
    return [
        Stack(module, stack.count)
        for name, module in model.named_modules()
        for stack in stacks
        if isinstance(module, nn.ModuleList) and re.fullmatch(stack.layers, name)
    ]


def find_layers(model: nn.Module) -> list[nn.Module]:
    """The layers of all stacks."""
    return [layer for stack in find_stacks(model) for layer in stack.layers]


def keep_layers(model: nn.Module, stack: Stack, kept: Sequence[int]) -> None:
    """Cut, in place, every layer of the stack whose index is not in ``kept`` (ascending); the rest is renumbered."""
    layers = [stack.layers[index] for index in kept]
    del stack.layers[len(layers) :]
    for number, layer in enumerate(layers):
        stack.layers[number] = layer
        for module in layer.modules():
            if hasattr(module, "layer_idx"):  # its place in the cache of keys and values
                module.layer_idx = number  # type: ignore[assignment]
    config: Any = model.config
    setattr(config, stack.count_key, len(layers))
    if getattr(config, "layer_types", None):  # Qwen says of each layer how far it looks
        config.layer_types = [config.layer_types[index] for index in kept]


def last_projections(model: nn.Module) -> tuple[list[nn.Module], int]:
    """The layers that make the last attention's queries, keys and values, whatever wraps them, and how many each makes.

    Empty for an architecture whose attention is not in ``FAMILIES``.
    """
    layouts = family_of(model.config.model_type).layouts  # type: ignore[union-attr, arg-type]
    attentions = [layout for layout in layouts if layout.kind == HEADS and layout.over_input]
    for name, layer in reversed(list(model.named_modules())):
        for layout in attentions:
            if re.fullmatch(layout.layer, name) and all(_exists(layer, path) for path in layout.inputs):
                return [layer.get_submodule(path) for path in layout.inputs], layout.fused
    return [], 1


def _exists(module: nn.Module, path: str) -> bool:
    try:
        module.get_submodule(path)
    except AttributeError:
        return False
    return True


def _blocks_of(
    name: str, layer: nn.Module, layouts: tuple[Layout, ...], has: Callable[[nn.Module, str], bool]
) -> Iterator[Block]:
    for layout in layouts:
        if re.fullmatch(layout.layer, name) and all(has(layer, path) for path in (*layout.inputs, layout.output)):
            width = _unit_width(layer, layout)
            yield Block(
                name=f"{name}.{layout.kind}",
                kind=layout.kind,
                inputs=tuple(f"{name}.{path}" for path in layout.inputs),
                output=f"{name}.{layout.output}",
                num_units=layer.get_submodule(layout.output).in_features // width,  # type: ignore[operator]
                unit_width=width,
                fused=layout.fused,
                owner=f"{name}.{layout.owner}".rstrip("."),
                layout=layout,
            )


def _unit_width(layer: nn.Module, layout: Layout) -> int:
    if layout.kind != HEADS:
        return 1
    owner = layer.get_submodule(layout.owner)
    return int(getattr(owner, layout.head_dim)) * (int(getattr(owner, layout.queries)) if layout.queries else 1)


def _has(module: nn.Module, path: str) -> bool:
    # A quantized model is counted, not cut.
    return _exists(module, path) and isinstance(module.get_submodule(path), nn.Linear | QuantizedLinear)


def _has_wrapped(module: nn.Module, path: str) -> bool:
    return _exists(module, path) and isinstance(
        getattr(module.get_submodule(path), "base_layer", module.get_submodule(path)), nn.Linear
    )


def _linear(module: nn.Module, path: str) -> nn.Linear:
    linear = module.get_submodule(path)
    assert isinstance(linear, nn.Linear)
    return linear


def output_weight(model: nn.Module, block: Block) -> nn.Parameter:
    """The weight [out_features, num_units * unit_width] in which the block's units meet."""
    weight = _linear(model, block.output).weight
    assert isinstance(weight, nn.Parameter)
    return weight


def input_weights(model: nn.Module, block: Block) -> list[Tensor]:
    """The weights whose rows lead into the block's units: fused parts, in each an equal number of rows per unit."""
    return [_linear(model, path).weight for path in block.inputs]


@torch.no_grad()
def mask_units(model: nn.Module, block: Block, keep: Tensor) -> None:
    """Zero, in place, the columns of every unit that ``keep`` [num_units] (bool) leaves out."""
    weight = output_weight(model, block)
    columns = keep.repeat_interleave(block.unit_width).to(weight.device).expand(weight.shape)
    local(weight).mul_(part_like(columns, weight))


@torch.no_grad()
def remove_units(model: nn.Module, block: Block, keep: Tensor) -> None:
    """Cut, in place, every unit that ``keep`` [num_units] (bool) leaves out of the block's layers.

    The model computes what it computed with those units masked, with fewer rows and columns.
    """
    if bool(keep.all()):
        return
    if block.layout.biased:
        own_positions(model)
    for path in block.inputs:
        width = block.rows_per_unit(model, path) // block.fused
        _keep_rows(_linear(model, path), keep.repeat_interleave(width).repeat(block.fused).nonzero().flatten())
    _keep_columns(_linear(model, block.output), keep.repeat_interleave(block.unit_width).nonzero().flatten())
    positions = block.positions(model)
    if positions is not None:
        _keep_heads(positions, keep.nonzero().flatten())
    prefix = model.get_submodule(block.owner)._modules.get(PREFIX) if block.kind == HEADS else None
    if isinstance(prefix, nn.Embedding):
        width = prefix.embedding_dim // (2 * block.num_units)
        _keep_heads(prefix, keep.repeat_interleave(width).repeat(2).nonzero().flatten())
    set_num_units(model, block, int(keep.sum()))


def position_tables(model: nn.Module) -> list[nn.Embedding]:
    """T5's biases for each distance, a column for each head."""
    names = {layout.positions for family in FAMILIES.values() for layout in family.layouts if layout.positions}
    found = (getattr(module, name, None) for module in model.modules() for name in names)
    return [table for table in found if isinstance(table, nn.Embedding)]


def own_positions(model: nn.Module) -> None:
    """Give every attention its own copy of the position table that its stack shares, in place. Idempotent.

    Layers that have lost different heads can no longer add one bias; each computes that of its own heads.
    """
    shared: nn.Embedding | None = None
    for block in find_blocks(model):  # in module order: a stack begins with the layer that has the table
        attention: Any = model.get_submodule(block.owner)
        if not block.layout.biased or getattr(attention, "accel_own_positions", False):
            continue
        attention.accel_own_positions = True
        attention.register_forward_pre_hook(_without_positions, with_kwargs=True)
        shared = block.positions(model) or shared
        if block.layout.positions and block.positions(model) is None:
            setattr(attention, block.layout.positions, copy.deepcopy(shared))
            attention.has_relative_attention_bias = True


def _without_positions(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What another layer has computed for its own heads is not for these."""
    del module
    return args, {**kwargs, "position_bias": None}


def resize(model: nn.Module, num_units: Mapping[str, int]) -> None:
    """Give, in place, each named block its number of units; for loading weights that were removed before."""
    for block in find_blocks(model):
        count = num_units.get(block.name, block.num_units)
        if count != block.num_units:
            remove_units(model, block, torch.arange(block.num_units) < count)


def count_units(model: nn.Module) -> dict[str, int]:
    """The number of units that each block has now."""
    return {block.name: block.num_units for block in find_blocks(model)}


def _keep_rows(linear: nn.Linear, index: Tensor) -> None:
    index = index.to(linear.weight.device)
    linear.weight = nn.Parameter(linear.weight[index].clone(), requires_grad=linear.weight.requires_grad)
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias[index].clone(), requires_grad=linear.bias.requires_grad)
    linear.out_features = len(index)


def _keep_columns(linear: nn.Linear, index: Tensor) -> None:
    index = index.to(linear.weight.device)
    linear.weight = nn.Parameter(linear.weight[:, index].clone(), requires_grad=linear.weight.requires_grad)
    linear.in_features = len(index)


def _keep_heads(table: nn.Embedding, index: Tensor) -> None:
    index = index.to(table.weight.device)
    table.weight = nn.Parameter(table.weight[:, index].clone(), requires_grad=table.weight.requires_grad)
    table.embedding_dim = len(index)


def set_num_units(model: nn.Module, block: Block, count: int) -> None:
    """Let the attention know how many heads it has."""
    if block.kind != HEADS:
        return
    owner = model.get_submodule(block.owner)
    if block.layout.count:
        setattr(owner, block.layout.count, count)
    for name in block.layout.widths:
        setattr(owner, name, count * block.unit_width)
