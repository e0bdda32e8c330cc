"""The rows of all processes, for a loss that is defined over all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def gathered(own: Tensor) -> tuple[Tensor, int]:
    """(the rows of all processes in their order, where one's own begin); alone, one's own.

    The gradient of a row is the sum of what all processes' losses say of it. Processes may have different counts.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return own, 0
    sizes = _sizes(own)
    return _Gather.apply(own, sizes), sum(sizes[: dist.get_rank()])  # type: ignore[return-value]


def _sizes(own: Tensor) -> list[int]:
    counts = [torch.empty(1, dtype=torch.long, device=own.device) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, torch.tensor([len(own)], device=own.device))
    return [int(count) for count in counts]


class _Gather(torch.autograd.Function):
    """All rows forward, the sum over processes of one's own rows' gradients backward."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: Sequence[int]) -> Tensor:
        ctx.sizes = sizes
        filled = own.new_zeros(max(sizes), *own.shape[1:])  # a collective wants the same shape of all
        filled[: len(own)] = own
        parts = [torch.empty_like(filled) for _ in sizes]
        dist.all_gather(parts, filled)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        total = grads[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.split(list(ctx.sizes))[dist.get_rank()], None
