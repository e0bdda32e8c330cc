"""What the options have in common that end in rounded weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.core.compression import Compression
from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection, typed
from accel.core.technique import Stage
from accel.errors import NoEffectError

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.ops.quantize.schemes import Scheme


class SchemeName(Enum):
    """How weights and activations are rounded; accel/ops/quantize/schemes.py has a class for each."""

    int8 = "int8"
    int8_weight_only = "int8_weight_only"
    int4_weight_only = "int4_weight_only"
    fp8 = "fp8"


class FullPrecisionOf(Enum):
    """What a layer in full precision is paid in."""

    weights = "weights"
    latency = "latency"


GROUP_SIZES = (32, 64, 128)
EMBEDDING_BITS = (4, 8)


@dataclass(kw_only=True)
class Quantization(Compression):
    """Base of every option that ends in rounded weights."""

    stage: ClassVar[Stage] = Stage.QUANTIZE
    scheme: SchemeName = SchemeName.int8
    """int8: weights per row x activations per token; int8_weight_only; int4_weight_only: per group of inputs; fp8."""
    group_size: int = 32
    """How many int4 weights share a scale: 32, 64 or 128; fewer are more exact and larger."""
    symmetric: bool = True
    """Whether int4 groups have their zero in the middle; otherwise each group stores where it lies."""
    embeddings: bool = True
    """Whether embedding tables are rounded too; in small encoders they are half of all bytes."""
    embedding_bits: int = 8
    """8: int8 with a scale per row; 4: int4 groups."""
    full_precision: float = 0.0
    """How much may be spent on layers that stay in full precision, as a share of what ``full_precision_of`` names: the
    layers whose rounding changes the predictions most for their price, measured on training examples when rounding
    begins."""
    full_precision_of: FullPrecisionOf = FullPrecisionOf.weights
    """weights: of the linear layers, that is, of bytes; latency: of the rounded model's, timed on this machine and the
    fastest of the run's engines, kind of layer by kind; what is no faster rounded is then left in any case."""

    @property
    def times_layers(self) -> bool:
        """Whether the model is timed to choose the layers in full precision."""
        return self.full_precision > 0 and self.full_precision_of is FullPrecisionOf.latency

    @property
    def needs_gpu(self) -> str:
        return f"{self.key}.scheme=fp8 needs an NVIDIA GPU" if self.scheme is SchemeName.fp8 else ""

    @property
    def sees_no_private_example(self) -> bool:
        """Whether no layer is chosen to stay in full precision: what rounding changes is measured on examples."""
        return self.full_precision == 0

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.group_size not in GROUP_SIZES:
            yield self.out_of_range("group_size", f"one of {GROUP_SIZES}: the kernels support no others", "32")
        if self.embedding_bits not in EMBEDDING_BITS:
            yield self.out_of_range("embedding_bits", f"one of {EMBEDDING_BITS}", "8")
        if not 0 <= self.full_precision < 1:
            share = f"in [0, 1): it is a share of {self.full_precision_of.name}"
            yield self.out_of_range("full_precision", share, "0.1")
        if self.full_precision > 0:
            yield from self._objections_to_full_precision(plan)
        elif self.full_precision_of is not FullPrecisionOf.weights:
            yield Objection(
                f"{self.key}.full_precision_of={self.full_precision_of.name}  with  {self.key}.full_precision=0",
                "with a share of 0 no layer is timed and none stays in full precision",
                f"{self.key}.full_precision=0.05",
            )

    def _objections_to_full_precision(self, plan: Plan) -> Iterator[Objection]:
        if self.times_layers:
            yield from self._objections_to_timing(plan)
        for other in plan.compression:
            for name in ("target_size_mb", "target_latency_ms"):
                if getattr(other, name, None) is not None:
                    theirs = f"{other.key}.{name}={getattr(other, name)}"
                    yield Objection(
                        f"{self.key}.full_precision={self.full_precision}  with  {theirs}",
                        "the budget is planned with every layer quantized",
                        f"{self.key}.full_precision=0, or {other.key}.target_flops",
                    )

    def _objections_to_timing(self, plan: Plan) -> Iterator[Objection]:
        if self.scheme is not SchemeName.int8:
            yield Objection(
                f"{self.key}.full_precision_of=latency  with  {self.key}.scheme={self.scheme.name}",
                "most engines dequantize such weights to multiply: quantization saves bytes, not time",
                f"{self.key}.full_precision_of=weights, or {self.key}.scheme=int8",
            )
        if plan.strategy.saves_parts:
            yield Objection(
                f"{self.key}.full_precision_of=latency  with  strategy={plan.strategy.option_name()}",
                "the whole model is timed when fake quantization begins; each process holds only a part of it",
                f"{self.key}.full_precision_of=weights, or strategy=ddp",
            )

    def how(self) -> Scheme:
        """The scheme with its settings."""
        from accel.ops.quantize.grids import Int4Groups, Int8Rows
        from accel.ops.quantize.schemes import SCHEMES

        tables = {8: Int8Rows(), 4: Int4Groups(self.group_size, self.symmetric)}
        return SCHEMES[self.scheme.name](
            tables[self.embedding_bits] if self.embeddings else None,
            group_size=self.group_size,
            symmetric=self.symmetric,
        )

    def check_machine(self) -> None:
        self.how().require()

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.quantize import fake_quantize
        from accel.ops.quantize.sensitivity import weights_of

        del facts
        if fake_quantize.prepare(model, self.how()) == 0:
            raise NoEffectError(
                f"{typed(self)} found no linear layer to quantize in this model: leave it out, or "
                "report the architecture."
            )
        self._require_room(weights_of(model))
        fake_quantize.enable(model, enabled=False)
        return model

    def _require_room(self, weights: Mapping[str, int]) -> None:
        smallest = min(weights.values(), default=0) / max(1, sum(weights.values()))
        if self.full_precision_of is FullPrecisionOf.weights and 0 < self.full_precision < smallest:
            raise NoEffectError(
                f"{self.key}.full_precision={self.full_precision:g} would keep no layer in full precision: the "
                f"smallest linear layer has {smallest:.2%} of the weights. Use at least "
                f"{self.key}.full_precision={math.ceil(1e4 * smallest) / 1e4:g}, or 0."
            )

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.quantize import fake_quantize

        return fake_quantize.convert(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.quantize import fake_quantize

        del history
        layers = [name for name, layer in fake_quantize.rounded_layers(model) if not getattr(layer, "kept_because", "")]
        active = sum(isinstance(m, fake_quantize.Rounder) and m.active for m in model.modules())
        figures = {
            "quantized_layers": len(layers),
            "active_fake_quantizers": active,
            "full_precision_layers": fake_quantize.full_precision_layers(model),
            **fake_quantize.spending(model),
        }
        return Evidence(
            bool(layers) and active > 0, figures, "at least one layer with rounding on at the end of training"
        )
