"""What a client sends: its update in a number format, and how many bytes that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from accel.federated.choices import SentAs

SCALE_BYTES = 4
"""Of a row's fp32 scale."""
SHORT = 32
"""Numbers of a row for which a scale of its own would weigh too much."""


Packed = dict[str, Tensor]
"""What is sent of one update, by the name of a part."""


def _whole(update: Tensor) -> Packed:
    return {"values": update}


def _bf16(update: Tensor) -> Packed:
    return {"values": update.to(torch.bfloat16)}


def _int8(update: Tensor) -> Packed:
    """A scale for each row, or column; rounded up or down at random, so that the mean over clients is not biased.

    Alistarh et al. 2017, QSGD (arXiv 1610.02132). Draws from torch's generator.
    """
    rows = (update.T if _is_tall(update) else update).reshape(_num_rows(update), -1)
    scale = rows.abs().amax(dim=1, keepdim=True) / 127
    steps = torch.where(scale > 0, rows / scale, 0)
    rounded = (steps + torch.rand_like(steps)).floor().clamp_(-127, 127)
    return {"values": rounded.to(torch.int8), "scale": scale}


def _is_tall(update: Tensor) -> bool:
    """Whether its rows are so short that its columns have the scales, as in the second factor of LoRA."""
    return update.ndim == 2 and update.shape[1] < min(SHORT, len(update))


def _num_rows(update: Tensor) -> int:
    """How many scales there are."""
    return update.shape[_is_tall(update)] if update.ndim > 1 else 1


FORMATS: dict[SentAs, Callable[[Tensor], Packed]] = {
    SentAs.none: _whole,
    SentAs.bf16: _bf16,
    SentAs.int8: _int8,
}


def packed(update: Tensor, compress: SentAs) -> Packed:
    """What a client sends of a weight's update."""
    return FORMATS[compress](update)


Part = tuple[tuple[int, ...], torch.dtype]


def parts_of(weight: Tensor, compress: SentAs) -> dict[str, Part]:
    """Shape and format of each part that ``packed`` gives of an update of this weight."""
    if compress is not SentAs.int8:
        dtype = torch.bfloat16 if compress is SentAs.bf16 else weight.dtype
        return {"values": (tuple(weight.shape), dtype)}
    rows = _num_rows(weight)
    return {"values": ((rows, weight.numel() // max(1, rows)), torch.int8), "scale": ((rows, 1), weight.dtype)}


def unpacked(sent: Packed, like: Tensor) -> Tensor:
    """What the server makes of it."""
    values = sent["values"].to(like.dtype)
    if "scale" not in sent:
        return values.reshape(like.shape)
    values = values * sent["scale"].to(like.dtype)
    return (values.T if _is_tall(like) else values).reshape(like.shape)


def received(update: Tensor, compress: SentAs) -> Tensor:
    """An update as the server has it."""
    return unpacked(packed(update, compress), update)


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
