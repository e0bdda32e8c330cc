"""Tensors of which each process holds a part (torch's DTensor), and models made of them (FSDP2): the one file for both.

Whoever reads or writes a weight between steps goes through ``local``, ``whole`` and ``part_like``; on a tensor that is
not sharded they are the tensor itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed._composable.contract import REGISTRY_KEY, STATE_KEY
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.placement_types import _StridedShard

HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)
"""Where ``nn.Module`` keeps hooks."""


def local(x: Tensor) -> Tensor:
    """What this process holds of a tensor; writing to it writes to the tensor."""
    return x.to_local() if isinstance(x, DTensor) else x


def whole(x: Tensor) -> Tensor:
    """The whole tensor; every process must ask for it, in the same order."""
    return x.full_tensor() if isinstance(x, DTensor) else x


def local_norm(tensors: Iterable[Tensor]) -> Tensor:
    """The norm over what this process holds of them: NaN or infinite where one is, or where no sum can hold it."""
    return nn.utils.get_total_norm([local(x.detach()) for x in tensors])


def part_like(full: Tensor, like: Tensor) -> Tensor:
    """The part of a tensor that every process has whole, which belongs to what this process holds of ``like``."""
    if not isinstance(like, DTensor):
        return full
    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None).to_local()


def sharded_like(full: Tensor, like: Tensor) -> Tensor:
    """The same as a sharded tensor; itself where ``like`` is not sharded or of another shape."""
    if not isinstance(like, DTensor) or full.shape != like.shape:
        return full
    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None)


def cut_up_like(full: Tensor, like: Tensor) -> Tensor:
    """A tensor of any shape, cut along its first dimension for the processes that share ``like``."""
    if not isinstance(like, DTensor):
        return full
    return distribute_tensor(full, like.device_mesh, [Shard(0)] * like.device_mesh.ndim, src_data_rank=None)


def zeros_of_whole(like: Tensor) -> Tensor:
    """Zeros in the shape of the whole tensor, where this process computes."""
    return torch.zeros(like.shape, dtype=like.dtype, device=computes_on(like))


def part_of_sum(full: Tensor, like: Tensor) -> Tensor:
    """This process's part of the sum of a whole tensor of every process, cut as ``like`` is; all must call it.

    Returns:
        On the device of ``like``; in the format of ``full``, in which it is added up. torch pads where a tensor cannot
        be cut into equal parts, and takes the padding away again.
    """
    assert isinstance(like, DTensor)
    assert all(placement.is_shard() for placement in like.placements)  # of a replica each process would have a sum
    addends = DTensor.from_local(full, like.device_mesh, [Partial()] * like.device_mesh.ndim, run_check=False)
    return addends.redistribute(placements=like.placements).to_local().to(like.device)


def computes_on(x: Tensor) -> torch.device:
    """Where a tensor is used, which is not where it is kept if weights are offloaded."""
    return torch.empty(0, device=x.device_mesh.device_type).device if isinstance(x, DTensor) else x.device


def is_sharded(x: Tensor) -> bool:
    """Whether this process holds its part of it."""
    return isinstance(x, DTensor)


@dataclass(frozen=True)
class Piece:
    """A rectangle of a tensor that this process holds."""

    offset: tuple[int, ...]
    """Where it begins in the whole tensor."""
    values: Tensor


def pieces_of(x: Tensor) -> list[Piece]:
    """What this process holds of a sharded tensor; several pieces where it has a part of each of fused projections."""
    assert isinstance(x, DTensor)
    held = local(x.detach())
    pieces = []
    for runs in product(*(_runs(x, dimension) for dimension in range(x.ndim))):
        values = held[tuple(slice(run.here, run.here + run.length) for run in runs)]
        pieces.append(Piece(tuple(run.there for run in runs), values))
    return pieces


class _Run(NamedTuple):
    """Neighbouring indices that are neighbours in the whole tensor too."""

    there: int
    here: int
    length: int


def _runs(x: DTensor, dimension: int) -> list[_Run]:
    """Which indices along a dimension this process holds: torch is asked to cut up the indices as it cut the tensor."""
    alike = [_along_first(placement, dimension) for placement in x.placements]
    indices = torch.arange(x.shape[dimension], device=x.device_mesh.device_type)
    held = distribute_tensor(indices, x.device_mesh, alike, src_data_rank=None).to_local()
    if not len(held):
        return []
    starts = [0, *((held.diff() != 1).nonzero().flatten() + 1).tolist()]
    return [_Run(int(held[i]), i, end - i) for i, end in zip(starts, [*starts[1:], len(held)], strict=True)]


def _along_first(placement: Placement, dimension: int) -> Placement:
    """How a vector is cut as the tensor is along this dimension."""
    if isinstance(placement, _StridedShard) and placement.dim == dimension:
        return _StridedShard(0, split_factor=placement.split_factor)
    return Shard(0) if placement.is_shard(dimension) else Replicate()


def writes(x: Tensor) -> bool:
    """Whether this process is the one that writes its part down, where several hold the same."""
    assert isinstance(x, DTensor)
    coordinate = x.device_mesh.get_coordinate()
    assert coordinate is not None  # every process is in the mesh of its own tensors
    return all(place == 0 for place, kind in zip(coordinate, x.placements, strict=True) if kind.is_replicate())


def from_part(part: Tensor, like: Tensor) -> Tensor:
    """The sharded tensor of which this is this process's part, cut as ``like`` is."""
    assert isinstance(like, DTensor)
    return DTensor.from_local(
        part.to(like.device), like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


@dataclass(frozen=True)
class _Before:
    module: nn.Module
    cls: type
    hooks: dict[str, list[Any]]


class Undo:
    """Remembers what modules were before a strategy wrapped them, and makes them that again.

    FSDP2 swaps classes and registers hooks, and offers no way back; a finished model must be a plain module.
    """

    def __init__(self, model: nn.Module) -> None:
        self.before = [
            _Before(module, type(module), {name: list(getattr(module, name)) for name in HOOKS})
            for module in model.modules()
        ]

    @torch.no_grad()
    def restore(self, model: nn.Module) -> nn.Module:
        """The same model with whole plain parameters; every process must call it."""
        for item in self.before:
            item.module.__class__ = item.cls
            for name in HOOKS:
                hooks = getattr(item.module, name)
                for key in [key for key in hooks if key not in item.hooks[name]]:
                    del hooks[key]
            for key in (STATE_KEY, REGISTRY_KEY):
                item.module.__dict__.pop(key, None)
        made: dict[int, nn.Parameter] = {}
        for module in model.modules():
            for name, parameter in list(module._parameters.items()):
                if isinstance(parameter, DTensor):
                    if id(parameter) not in made:
                        made[id(parameter)] = nn.Parameter(whole(parameter), requires_grad=parameter.requires_grad)
                    module._parameters[name] = made[id(parameter)]
        return model


def shard(
    model: nn.Module,
    layers: Iterable[nn.Module],
    *,
    mesh: DeviceMesh | None,
    reduce_dtype: torch.dtype | None,
    reshard_after_forward: bool,
    cpu_offload: bool,
    dimension: Callable[[nn.Parameter], Shard | None] | None = None,
) -> None:
    """Shard a model's parameters in place, every layer a unit of its own and the rest with the root.

    Zhao et al. 2023, PyTorch FSDP (arXiv 2304.11277); ``fully_shard`` of torch (FSDP2).

    Args:
        layers: gathered and freed one after the other; tensors shared among modules outside of them stay together.
        mesh: one-dimensional; None for all processes.
        reduce_dtype: in which gradients are added up; None for their own.
        reshard_after_forward: whether a layer is freed between its forward and its backward pass.
        cpu_offload: whether parameters and optimizer state are kept in the host's memory.
        dimension: along which a parameter is cut; by default, or where it says None, along the first.
    """
    settings: dict[str, Any] = {
        "mesh": mesh,
        "reshard_after_forward": reshard_after_forward,
        "mp_policy": MixedPrecisionPolicy(reduce_dtype=reduce_dtype),
        "offload_policy": CPUOffloadPolicy() if cpu_offload else OffloadPolicy(),
        "shard_placement_fn": dimension,
    }
    for layer in layers:
        fully_shard(layer, **settings)
    fully_shard(model, **settings)


def add_up(x: Tensor) -> Tensor:
    """The sum over all processes, in place; itself where there is one process."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(x)
    return x


def greatest(x: Tensor) -> Tensor:
    """The maximum over all processes, element by element, in place; itself where there is one process."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(x, op=dist.ReduceOp.MAX)
    return x


def mesh_of(outer: int, inner: int) -> tuple[DeviceMesh, DeviceMesh]:
    """All processes in ``outer`` groups of ``inner`` neighbours: the mesh across groups, and the one within a group."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    mesh = init_device_mesh(device, (outer, inner), mesh_dim_names=("data", "tensor"))
    return mesh["data"], mesh["tensor"]
