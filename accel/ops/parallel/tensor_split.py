"""Splits a transformer's layers over processes that all see the same tokens: Megatron's tensor parallelism.

Shoeybi et al. 2019 (arXiv 1909.08053). In every block of attention heads or feed-forward channels the layers that lead
in are split by rows and the layer that leads out by columns: each process computes its own heads and channels, and they
meet in one sum per block, forward and backward. Everything else is computed by every process alike.

Parameters are DTensors of one mesh, so optimizers, clipping, masks and checkpoints see whole tensors; inside a module's
forward they are what this process holds, so no module and no adapter needs to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.placement_types import _StridedShard

from accel.ops.structured.structure import Block, find_blocks, set_num_units

WHOLE = Replicate()


def splittable(model: nn.Module, size: int) -> list[Block]:
    """The blocks whose units can be dealt out evenly to ``size`` processes; the others stay whole on each of them.

    So do T5's heads: their bias is that of a table which its first layer has for all layers.
    """
    blocks = find_blocks(model, wrapped=True)
    return [block for block in blocks if block.num_units % size == 0 and not block.layout.biased]


def split(model: nn.Module, mesh: DeviceMesh) -> None:
    """Split the model in place over a one-dimensional mesh. Needs no communication: every process has it whole."""
    sides = dict(_sides(model, mesh))
    for block in splittable(model, mesh.size()):
        set_num_units(model, block, block.num_units // mesh.size())
    made: dict[int, nn.Parameter] = {}
    for name, module in model.named_modules():
        if not module._parameters:
            continue
        side = sides.get(name, _Side())
        side.attach(module)
        for key, parameter in module._parameters.items():
            if parameter is not None:
                placed = distribute_tensor(parameter.detach(), mesh, [side.stored(key)], src_data_rank=None)
                made.setdefault(id(parameter), nn.Parameter(placed, requires_grad=parameter.requires_grad))
                module._parameters[key] = made[id(parameter)]


def forget(model: nn.Module, size: int) -> None:
    """Take from a model, whose modules and parameters are whole again, what else told of ``size`` processes."""
    for module in model.modules():
        for name in ("accel_door", "accel_used"):
            module.__dict__.pop(name, None)
    for block in splittable(model, size):
        set_num_units(model, block, block.num_units)


def cut_along(parameter: nn.Parameter) -> Shard | None:
    """For FSDP2: where a process holds parts of several fused projections, the other dimension; else its default."""
    fused = isinstance(parameter, DTensor) and any(isinstance(p, _StridedShard) for p in parameter.placements)
    return Shard(1) if fused else None


def _sides(model: nn.Module, mesh: DeviceMesh) -> Iterator[tuple[str, _Side]]:
    """By name, every layer that is split, its adapters included."""
    for number, block in enumerate(splittable(model, mesh.size())):
        door = _Door(mesh, number)
        for path in block.inputs:
            layer, adapters = _wrapped(model, path)
            yield layer, _Column(door, block.fused)
            yield from ((f"{path}.lora_B.{name}", _Column(_Door(mesh, number), block.fused)) for name in adapters)
        layer, adapters = _wrapped(model, block.output)
        yield layer, _Row(door)
        yield from ((f"{block.output}.lora_A.{name}", _Row(_Door(mesh, number))) for name in adapters)


def _wrapped(model: nn.Module, path: str) -> tuple[str, list[str]]:
    """The name of the layer itself, and those of the adapters around it."""
    module = model.get_submodule(path)
    return (f"{path}.base_layer", list(module.lora_A)) if hasattr(module, "base_layer") else (path, [])  # type: ignore[arg-type]


class _SumGradients(torch.autograd.Function):
    """Megatron's f: the same forward, the sum over processes backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        total = grads[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        return total, None


class _Sum(torch.autograd.Function):
    """Megatron's g: the sum over processes forward, the same backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


class _Door:
    """Where the split part of a block begins and ends.

    Queries, keys and values enter together, so their gradients are added up before they are sent, in one sum. Inside,
    each process draws random numbers of its own, because it has other heads; outside, all draw the same.
    """

    def __init__(self, mesh: DeviceMesh, number: int) -> None:
        self.group = mesh.get_group()
        self.place = (number, mesh.get_local_rank())
        self.outside: Tensor | None = None
        self.inside: Tensor | None = None
        self.random: Tensor | None = None

    def enter(self, x: Tensor) -> Tensor:
        if self.outside is not x or self.inside is None:
            self.outside, self.inside = x, _SumGradients.apply(x, self.group)  # type: ignore[assignment]
            generator = _generator(x.device)
            if self.random is None and torch.is_grad_enabled():
                self.random = generator.get_state()
                generator.manual_seed(hash((generator.initial_seed(), *self.place)) & (2**63 - 1))
        return self.inside  # type: ignore[return-value]

    def leave(self, y: Tensor) -> Tensor:
        if self.random is not None:
            _generator(y.device).set_state(self.random)
        self.outside = self.inside = self.random = None
        return _Sum.apply(y, self.group)  # type: ignore[return-value]


def _generator(device: torch.device) -> torch.Generator:
    return torch.cuda.default_generators[device.index or 0] if device.type == "cuda" else torch.default_generator


@dataclass(frozen=True)
class _Side:
    """How one module is split: not at all."""

    def stored(self, key: str) -> Placement:
        """How the parameter ``key`` is kept."""
        del key
        return WHOLE

    def attach(self, module: nn.Module) -> None:
        """Let the module compute with its parts."""
        _become(module, _Local)


@dataclass(frozen=True)
class _Column(_Side):
    """Split by rows of the weight; of each of the fused projections alike."""

    door: _Door
    fused: int

    def stored(self, key: str) -> Placement:
        if self.fused == 1:
            return Shard(0)
        # FSDP2 cannot cut an interleaved vector once more, so a fused bias is kept whole and cut in the forward pass.
        return _StridedShard(0, split_factor=self.fused) if key == "weight" else WHOLE

    def attach(self, module: nn.Module) -> None:
        _become(module, _ColumnLinear)
        module.accel_door = self.door  # type: ignore[assignment]
        module.accel_used = {} if self.fused == 1 else {"bias": _StridedShard(0, split_factor=self.fused)}  # type: ignore[assignment]


@dataclass(frozen=True)
class _Row(_Side):
    """Split by columns of the weight; the bias is added once, to the sum."""

    door: _Door

    def stored(self, key: str) -> Placement:
        return Shard(1) if key == "weight" else WHOLE

    def attach(self, module: nn.Module) -> None:
        _become(module, _RowLinear)
        module.accel_door = self.door  # type: ignore[assignment]


def _become(module: nn.Module, mixin: type) -> None:
    module.__class__ = _mixed(mixin, type(module))


@cache
def _mixed(mixin: type, cls: type) -> type:
    return type(f"{mixin.__name__.strip('_')}{cls.__name__}", (mixin, cls), {})


class _Local(nn.Module):
    """Computes with what this process holds of each parameter."""

    accel_used: Mapping[str, Placement] = {}
    """How a parameter is cut for the forward pass, where it is kept otherwise."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        kept = dict(self._parameters)
        self._parameters.update({key: self._part(key, p) for key, p in kept.items()})  # type: ignore[arg-type]
        try:
            return self._compute(*args, **kwargs)
        finally:
            self._parameters.update(kept)

    def _compute(self, *args: Any, **kwargs: Any) -> Any:
        return super().forward(*args, **kwargs)

    def _part(self, key: str, parameter: Tensor | None) -> Tensor | None:
        if not isinstance(parameter, DTensor):
            return parameter
        used = self.accel_used.get(key)
        return (parameter.redistribute(placements=[used]) if used else parameter).to_local()


class _ColumnLinear(_Local):
    accel_door: _Door

    def _compute(self, x: Tensor) -> Tensor:
        return super()._compute(self.accel_door.enter(x))


class _RowLinear(_Local):
    accel_door: _Door

    def _compute(self, x: Tensor) -> Tensor:
        y = self.accel_door.leave(F.linear(x, self.weight))  # type: ignore[arg-type]
        return y if self.bias is None else y + self.bias  # type: ignore[operator]
