"""Zeroes single weights and keeps them zero: a sparse model of the same shape.

What it does: during training, masks the weights that matter least along a schedule: by their size, by their movement,
    or by their size times their input; anywhere in a matrix, N of every M neighbours in a row, or in whole
    tiles. A mask holds to the end, through every optimizer, resume and export. Embeddings and the head stay whole.
Use it when: the model goes to a runtime or a device with sparse kernels (2:4 on recent NVIDIA GPUs: ``engines=[cuda]``
    measures it), or you study what a task needs.
What it costs: half of the weights cost little. Zeros alone make nothing faster or smaller on a CPU or in a
    safetensors file; ``layers`` and ``prune`` do.
Composes with: layers, qat, distill, every strategy; with prune when unstructured; with privacy by size, or by a public
    text; refused with lora, whose adapter fills the zeros again.
Off switch: ``compression.mask.sparsity=0``.
Reference: Zhu & Gupta 2017 (arXiv 1710.01878); Sanh et al. 2020, movement pruning (arXiv 2005.07683); Sun et al. 2023,
    Wanda (arXiv 2306.11695); Mishra et al. 2021 for 2:4 (arXiv 2104.08378); Lagunas et al. 2021 for tiles
    (arXiv 2109.04838).

    accel compression=[mask] compression.mask.pattern=2:4 compression.mask.score=wanda
    accel compression=[mask] compression.mask.pattern=32x32 compression.mask.score=movement
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.compression._gradual import Gradual
from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection
from accel.core.technique import Stage
from accel.ops.sparse.pattern import GRAMMAR, TWO_OF_FOUR, Pattern

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.core.plan import Plan
    from accel.data.prepared import Prepared
    from accel.ops.sparse.weight_scores import WeightScorer


class Importance(Enum):
    """What says how much a single weight matters."""

    magnitude = "magnitude"
    movement = "movement"
    wanda = "wanda"


@dataclass(kw_only=True)
class Mask(Gradual):
    """Sparse training of single weights."""

    stage: ClassVar[Stage] = Stage.SPARSIFY
    sparsity: float = 0.5
    """Share of each matrix's weights that is zero at the end, in [0, 1)."""
    pattern: str = "unstructured"
    """unstructured: anywhere in a matrix; N:M, for example 2:4: N of every M neighbours in a row stay; ROWSxCOLUMNS,
    for example 32x32 or 4x1: whole tiles go."""
    score: Importance = Importance.magnitude
    """magnitude: by the weights alone; movement: by whether training moves them away from zero; wanda: by the weight
    times the norm of its input, among the weights of one output."""
    public_text: str | None = None
    """For ``score=wanda``: a file with one text per line, or a task with public data; null takes training examples."""

    @property
    def layout(self) -> Pattern:
        """The pattern, read; unstructured where it cannot be read, which is an objection."""
        return Pattern.parse(self.pattern) or Pattern()

    @property
    def caveat(self) -> str:
        zeros = "Masked weights are zeros, and zeros alone make nothing faster or smaller on a CPU."
        if self.layout != TWO_OF_FOUR:
            return zeros
        return f"{zeros} On an NVIDIA GPU, engines=[cuda] times torch's kernels for 2:4, where it has them."

    @property
    def needs_gradients(self) -> bool:
        """Whether scores come from the gradients of the training examples."""
        return self.score is Importance.movement

    @property
    def needs_activations(self) -> bool:
        """Whether scores come from what layers get as input."""
        return self.score is Importance.wanda

    @property
    def against_compiling(self) -> str:
        return "it reads the inputs of layers" if self.needs_activations else ""

    @property
    def sees_no_private_example(self) -> bool:
        """Whether what is masked depends on weights and public text alone."""
        return self.score is Importance.magnitude or self.public_text is not None

    def public_texts(self) -> list[tuple[str, str]]:
        return [] if self.public_text is None else [(f"{self.key}.public_text", self.public_text)]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.sparsity < 1:
            yield self.out_of_range("sparsity", "in [0, 1): it is the share of weights that is zero", "0.5")
        yield from self._pattern_objections()
        if self.public_text is not None and not self.needs_activations:
            yield Objection(
                f"{self.key}.public_text={self.public_text}  with  {self.key}.score={self.score.name}",
                "only wanda reads the inputs of the weights",
                f"{self.key}.score=wanda, or {self.key}.public_text=null",
            )
        yield from self.objections_to_family(plan)

    def _pattern_objections(self) -> Iterator[Objection]:
        pattern = Pattern.parse(self.pattern)
        if pattern is None:
            yield self.out_of_range("pattern", GRAMMAR, "2:4")
        elif pattern.sparsity is not None and self.sparsity > 0 and abs(pattern.sparsity - self.sparsity) > 1e-6:
            yield Objection(
                f"{self.key}.pattern={self.pattern}  with  {self.key}.sparsity={self.sparsity}",
                f"{pattern.kept} of {pattern.neighbours} weights stay, which is a sparsity of {pattern.sparsity:g}",
                f"{self.key}.sparsity={pattern.sparsity:g}",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.sparse.weight_masks import attach

        del facts
        attach(model, self.layout, scored=self.needs_gradients)
        return model

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.mask_weights import MaskWeights

        return [MaskWeights(self.ramp(facts.total_steps), self.sparsity, self.layout, self._scorer)]

    def _scorer(self, data: Prepared) -> WeightScorer:
        from accel.data.calibration import calibration_batches
        from accel.ops.sparse.weight_scores import scorer_for

        key = f"{self.key}.public_text"
        return scorer_for(self.score.name, lambda: calibration_batches(data, self.public_text, key))

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.sparse.weight_masks import figures

        del history
        found = figures(model)
        return Evidence(
            acted=self.sparsity == 0 or found["masked_fraction"] > 0.9 * self.sparsity,
            figures=found,
            expected=f"{self.sparsity:.0%} of the weights in layers zero",
        )

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.sparse.weight_masks import detach

        return detach(model)
