"""The values that a weight may have once it is rounded: how a tensor is put on a grid, stored, and read again.

A grid is all there is to say about rounding: training sees ``round``, the file holds what ``quantize`` gives, and
``round`` is ``dequantize`` after ``quantize``. So what was trained and what is stored cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

INT8, INT4, FP8 = "weight", "weight_int4", "weight_fp8"
"""Names of the stored weight, as they stand in a state dict: a name tells its grid."""
SCALE, ZERO = "weight_scale", "weight_zero"
QMIN, QMAX = -128, 127
EPS = torch.finfo(torch.float32).eps
FP16_TINY = torch.finfo(torch.float16).tiny

Stored = Mapping[str, Tensor]


class QuantizationGrid(ABC):
    """Rounds the rows of a matrix, each by itself."""

    bits: ClassVar[int]
    bytes_per_weight: float
    """Of the stored weight, with what its group's scale adds."""
    bytes_per_row: float
    """Of the scale of a row, whatever its length."""

    @abstractmethod
    def quantize(self, x: Tensor) -> dict[str, Tensor]:
        """What is stored of ``x`` [rows, columns]."""

    @staticmethod
    @abstractmethod
    def dequantize(stored: Stored, columns: int) -> Tensor:
        """fp32 [rows, columns]: the values that the stored tensors stand for."""

    def round(self, x: Tensor) -> Tensor:
        """``x`` [..., columns] on the grid, in its own dtype."""
        rows = x.reshape(-1, x.shape[-1])
        return self.dequantize(self.quantize(rows), x.shape[-1]).reshape(x.shape).to(x.dtype)

    def round_columns(self, x: Tensor, keep: Tensor) -> Tensor:
        """``x`` with the columns that ``keep`` (bool) leaves out at zero, rounded as if they were not there."""
        rounded = torch.zeros_like(x)
        rounded[..., keep] = self.round(x[..., keep])
        return rounded


def row_scale(x: Tensor) -> Tensor:
    """Symmetric scale of each row: the largest magnitude over half the int8 range; shape [..., 1]."""
    return (x.float().abs().amax(dim=-1, keepdim=True) / ((QMAX - QMIN) / 2)).clamp_min(EPS)


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """(int8 [rows, columns], fp32 scale [rows, 1])."""
    scale = row_scale(x)
    return (x.float() * (1.0 / scale)).round().clamp(QMIN, QMAX).to(torch.int8), scale


@dataclass(frozen=True)
class Int8Rows(QuantizationGrid):
    """256 values, symmetric around zero, one fp32 scale per row."""

    bits: ClassVar[int] = 8
    bytes_per_weight: ClassVar[float] = 1.0  # type: ignore[misc]
    bytes_per_row: ClassVar[float] = 4.0  # type: ignore[misc]

    def quantize(self, x: Tensor) -> dict[str, Tensor]:
        weight, scale = quantize_rows(x)
        return {INT8: weight, SCALE: scale}

    @staticmethod
    def dequantize(stored: Stored, columns: int) -> Tensor:
        del columns
        return stored[INT8].float() * stored[SCALE]

    def round(self, x: Tensor) -> Tensor:
        """The same values by torch's fused kernel: in training this runs at every step."""
        rows = x.reshape(-1, x.shape[-1])
        scale = row_scale(rows).flatten()
        zero = torch.zeros_like(scale, dtype=torch.int32)
        rounded = torch.fake_quantize_per_channel_affine(rows.float(), scale, zero, 0, QMIN, QMAX)
        return rounded.reshape(x.shape).to(x.dtype)


@dataclass(frozen=True)
class Int4Groups(QuantizationGrid):
    """16 values per group of neighbours in a row, two in a byte, one fp16 scale per group.

    Symmetric grids have their zero in the middle and put the largest magnitude on an end, as ggml's Q4_0 does; others
    store where zero lies. A last group that is not full is filled up with zeros.
    """

    bits: ClassVar[int] = 4

    group_size: int = 32
    symmetric: bool = True

    @property
    def bytes_per_weight(self) -> float:  # type: ignore[override]
        return 0.5 + (2.0 if self.symmetric else 2.5) / self.group_size

    bytes_per_row: ClassVar[float] = 0.0  # type: ignore[misc]

    def quantize(self, x: Tensor) -> dict[str, Tensor]:
        size = self.group_size
        groups = F.pad(x.float(), (0, -x.shape[-1] % size)).unflatten(-1, (-1, size))
        scale, zero = _symmetric(groups) if self.symmetric else _asymmetric(groups)
        steps = (groups / scale.float()).round() + zero.float()
        stored = {INT4: pack(steps.clamp(0, 15).to(torch.uint8).flatten(-2)), SCALE: scale.squeeze(-1)}
        return stored if self.symmetric else {**stored, ZERO: pack(zero.squeeze(-1))}

    @staticmethod
    def dequantize(stored: Stored, columns: int) -> Tensor:
        scale = stored[SCALE].float().unsqueeze(-1)
        steps = unpack(stored[INT4]).unflatten(-1, (scale.shape[-2], -1)).float()
        zero = unpack(stored[ZERO])[..., : scale.shape[-2], None].float() if ZERO in stored else 8.0
        return ((steps - zero) * scale).flatten(-2)[..., :columns]


def _symmetric(groups: Tensor) -> tuple[Tensor, Tensor]:
    """The signed value of largest magnitude becomes the step -8."""
    largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
    scale = (largest / -8).to(torch.float16)
    scale = torch.where(scale.abs() < FP16_TINY, FP16_TINY, scale).to(torch.float16)
    return scale, torch.full_like(scale, 8, dtype=torch.uint8)


def _asymmetric(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest value become the steps 0 and 15; zero is one of the steps, so zeros stay zeros."""
    low, high = groups.amin(-1, keepdim=True).clamp_max(0), groups.amax(-1, keepdim=True).clamp_min(0)
    scale = ((high - low) / 15).to(torch.float16).clamp_min(FP16_TINY)
    return scale, (-low / scale.float()).round().clamp(0, 15).to(torch.uint8)


def pack(steps: Tensor) -> Tensor:
    """Two 4-bit steps [..., columns] in a byte [..., ceil(columns / 2)], the first in its lower half."""
    steps = F.pad(steps, (0, steps.shape[-1] % 2))
    return steps[..., 0::2] | (steps[..., 1::2] << 4)


def unpack(packed: Tensor) -> Tensor:
    """The steps of ``pack``, uint8 in [0, 15]."""
    return torch.stack((packed & 15, packed >> 4), dim=-1).flatten(-2)


@dataclass(frozen=True)
class Fp8Rows(QuantizationGrid):
    """The 8-bit floating-point numbers e4m3, one fp32 scale per row (Micikevicius et al. 2022, arXiv 2209.05433)."""

    bits: ClassVar[int] = 8
    bytes_per_weight: ClassVar[float] = 1.0  # type: ignore[misc]
    bytes_per_row: ClassVar[float] = 4.0  # type: ignore[misc]

    def quantize(self, x: Tensor) -> dict[str, Tensor]:
        largest = torch.finfo(torch.float8_e4m3fn).max
        scale = (x.float().abs().amax(-1, keepdim=True) / largest).clamp_min(EPS)
        return {FP8: (x.float() / scale).clamp(-largest, largest).to(torch.float8_e4m3fn), SCALE: scale}

    @staticmethod
    def dequantize(stored: Stored, columns: int) -> Tensor:
        del columns
        return stored[FP8].float() * stored[SCALE]


BY_NAME: Mapping[str, type[QuantizationGrid]] = {INT8: Int8Rows, INT4: Int4Groups, FP8: Fp8Rows}
"""Grids by the name of their weight."""
TENSORS = (*BY_NAME, SCALE, ZERO)
"""Names of everything that a grid may store."""


def weight_name(stored: Stored) -> str:
    """Under which name the weight is stored."""
    return next(name for name in BY_NAME if name in stored)


def dequantize(stored: Stored, columns: int) -> Tensor:
    """fp32 [rows, columns] of any stored weight."""
    return BY_NAME[weight_name(stored)].dequantize(stored, columns)
