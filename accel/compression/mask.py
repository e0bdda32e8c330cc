"""Zeroes single weights and keeps them zero: a sparse model of the same shape.

What it does: during training, masks the weights that matter least along a cubic schedule, by their size or by their
    movement, anywhere in a matrix or N of every M neighbours in a row; a mask holds to the end, through every
    optimizer, resume and export. Embeddings and the head stay whole.
Use it when: the model goes to a runtime or a device with sparse kernels (2:4 on recent NVIDIA GPUs), or you study what
    a task needs.
What it costs: half of the weights cost little. Zeros alone make nothing faster or smaller on a CPU or in a
    safetensors file; ``layers`` and ``prune`` do.
Composes with: layers, qat, distill, every strategy; with prune when unstructured; refused with lora, whose adapter
    fills the zeros again.
Off switch: ``compression.mask.sparsity=0``.
Reference: Zhu & Gupta 2017 (arXiv 1710.01878); Sanh et al. 2020, movement pruning (arXiv 2005.07683); Mishra et al.
    2021 for 2:4 (arXiv 2104.08378).

    accel compression=[mask] compression.mask.pattern=2:4
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.compression import Gradual
from accel.technique import Evidence, Facts, History, Objection, Stage

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.plan import Plan

UNSTRUCTURED = "unstructured"


class Importance(Enum):
    """What says how much a single weight matters."""

    magnitude = "magnitude"
    movement = "movement"


@dataclass(kw_only=True)
class Mask(Gradual):
    """Sparse training of single weights."""

    stage: ClassVar[Stage] = Stage.SPARSIFY
    sparsity: float = 0.5
    """Share of each matrix's weights that is zero at the end, in [0, 1)."""
    pattern: str = UNSTRUCTURED
    """unstructured: anywhere in a matrix; N:M, for example 2:4: N of every M neighbours in a row stay."""
    score: Importance = Importance.magnitude
    """magnitude: by the weights alone; movement: by whether training moves them away from zero."""

    @property
    def neighbours(self) -> int | None:
        """Neighbours in a row that are chosen among together; None for a whole matrix."""
        counts = self._kept_of()
        return counts[1] if counts else None

    def _kept_of(self) -> tuple[int, int] | None:
        """(N, M) of a pattern N:M."""
        found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", self.pattern)
        return (int(found[1]), int(found[2])) if found and int(found[1]) < int(found[2]) else None

    @property
    def needs_gradients(self) -> bool:
        """Whether scores come from the gradients of the training examples."""
        return self.score is Importance.movement

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.sparsity < 1:
            yield self.out_of_range("sparsity", "in [0, 1): it is the share of weights that is zero", "0.5")
        yield from self._pattern_objections()
        yield from self.objections_to_family(plan)

    def _pattern_objections(self) -> Iterator[Objection]:
        counts = self._kept_of()
        if counts is None:
            if self.pattern != UNSTRUCTURED:
                yield self.out_of_range("pattern", "unstructured, or N:M with N smaller than M", "2:4")
            return
        share = 1 - counts[0] / counts[1]
        if self.sparsity > 0 and abs(share - self.sparsity) > 1e-6:
            yield Objection(
                f"{self.key}.pattern={self.pattern}  with  {self.key}.sparsity={self.sparsity}",
                f"{counts[0]} of {counts[1]} weights stay, which is a sparsity of {share:g}",
                f"{self.key}.sparsity={share:g}",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.weight_masks import attach

        del facts
        attach(model, group=self.neighbours, scored=self.needs_gradients)
        return model

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.mask_weights import MaskWeights

        return [MaskWeights(self, facts.total_steps)]

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.weight_masks import figures

        del history
        found = figures(model)
        return Evidence(
            acted=self.sparsity == 0 or found["masked_fraction"] > 0.9 * self.sparsity,
            figures=found,
            expected=f"{self.sparsity:.0%} of the weights in layers zero",
        )

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.weight_masks import detach

        return detach(model)
