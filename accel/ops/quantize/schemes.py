"""Quantization schemes: which grid weights, activations and embeddings lie on, and the layer that computes with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from accel.ops.quantize import kernels
from accel.ops.quantize.grids import Fp8Rows, Int4Groups, Int8Rows, QuantizationGrid
from accel.ops.quantize.quantized_layers import Fp8Linear, Int8Linear, QuantizedLinear, WeightOnlyLinear


class Scheme(ABC):
    """One way to quantize a model.

    Args:
        embeddings: the grid of embedding tables; None leaves them as they are.
        group_size: weights that share a scale, for schemes with groups.
        symmetric: whether zero lies in the middle of a group, for schemes with groups.
    """

    name: ClassVar[str]
    layer: ClassVar[type[QuantizedLinear]]
    activations: ClassVar[QuantizationGrid | None] = None
    """The grid that every token of a layer's input is rounded to; None where inputs stay as they are."""

    def __init__(
        self, embeddings: QuantizationGrid | None = None, *, group_size: int = 32, symmetric: bool = True
    ) -> None:
        self.embeddings = embeddings
        self.weights = self.grid(group_size, symmetric=symmetric)

    @abstractmethod
    def grid(self, group_size: int, *, symmetric: bool) -> QuantizationGrid:
        """What weights are rounded to."""

    def require(self) -> None:
        """Fail clearly on a machine that cannot run it; most run everywhere.

        Raises:
            RunError: what is missing, and what to use instead.
        """


class Int8(Scheme):
    """int8 weights per output row times int8 activations per token (Yao et al. 2022, ZeroQuant, arXiv 2206.01861)."""

    name: ClassVar[str] = "int8"
    layer: ClassVar[type[QuantizedLinear]] = Int8Linear
    activations: ClassVar[QuantizationGrid | None] = Int8Rows()

    def grid(self, group_size: int, *, symmetric: bool) -> QuantizationGrid:
        del group_size, symmetric
        return Int8Rows()

    def require(self) -> None:
        kernels.require_int8()


class Int8WeightOnly(Scheme):
    """int8 weights per output row; activations stay as they are."""

    name: ClassVar[str] = "int8_weight_only"
    layer: ClassVar[type[QuantizedLinear]] = WeightOnlyLinear

    def grid(self, group_size: int, *, symmetric: bool) -> QuantizationGrid:
        del group_size, symmetric
        return Int8Rows()


class Int4WeightOnly(Scheme):
    """int4 weights, rounded to nearest, per group of inputs (the groups of GPTQ, Frantar et al. 2022, 2210.17323)."""

    name: ClassVar[str] = "int4_weight_only"
    layer: ClassVar[type[QuantizedLinear]] = WeightOnlyLinear

    def grid(self, group_size: int, *, symmetric: bool) -> QuantizationGrid:
        return Int4Groups(group_size, symmetric)


class Fp8(Scheme):
    """fp8 weights per output row times fp8 activations per token."""

    name: ClassVar[str] = "fp8"
    layer: ClassVar[type[QuantizedLinear]] = Fp8Linear
    activations: ClassVar[QuantizationGrid | None] = Fp8Rows()

    def grid(self, group_size: int, *, symmetric: bool) -> QuantizationGrid:
        del group_size, symmetric
        return Fp8Rows()

    def require(self) -> None:
        kernels.require_fp8()


SCHEMES: Mapping[str, type[Scheme]] = {scheme.name: scheme for scheme in (Int8, Int8WeightOnly, Int4WeightOnly, Fp8)}
"""By the name that a user types and a file states."""
