"""What a client sends: its update in a number format, and how many bytes that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from accel.federated.choices import SentAs

SCALE_BYTES = 4
"""Of a row's fp32 scale."""


def _as_it_is(update: Tensor) -> Tensor:
    return update


def _bf16(update: Tensor) -> Tensor:
    return update.to(torch.bfloat16).to(update.dtype)


def _int8(update: Tensor) -> Tensor:
    """A scale for each row; rounded up or down at random, so that the mean over clients is not biased.

    Alistarh et al. 2017, QSGD (arXiv 1610.02132). Draws from torch's generator.
    """
    rows = update.reshape(_num_rows(update), -1)
    scale = rows.abs().amax(dim=1, keepdim=True) / 127
    steps = torch.where(scale > 0, rows / scale, 0)
    return ((steps + torch.rand_like(steps)).floor().clamp_(-127, 127) * scale).reshape(update.shape)


def _num_rows(update: Tensor) -> int:
    return len(update) if update.ndim > 1 else 1


FORMATS: dict[SentAs, Callable[[Tensor], Tensor]] = {
    SentAs.none: _as_it_is,
    SentAs.bf16: _bf16,
    SentAs.int8: _int8,
}


def received(update: Tensor, compress: SentAs) -> Tensor:
    """An update as the server has it."""
    return FORMATS[compress](update)


def bytes_up(exchanged: Sequence[Tensor], compress: SentAs) -> int:
    """Of one client's update."""
    sizes = {
        SentAs.none: lambda x: x.numel() * x.element_size(),
        SentAs.bf16: lambda x: x.numel() * 2,
        SentAs.int8: lambda x: x.numel() + SCALE_BYTES * _num_rows(x),
    }
    return sum(sizes[compress](x) for x in exchanged)


def bytes_down(exchanged: Sequence[Tensor]) -> int:
    """Of the weights that every client of a round gets: never compressed, because all start from the same."""
    return bytes_up(exchanged, SentAs.none)
