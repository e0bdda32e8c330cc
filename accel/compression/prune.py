"""Removes attention heads and feed-forward channels: a smaller dense model that is really faster.

What it does: during training it scores every head and channel, by default by the first-order change of the loss,
    masks the least important ones along a cubic schedule (one global ranking, by score per parameter), and after
    training cuts them out of the weights. The removed model computes what the masked one computed. It starts from the
    dense baseline, which is trained for the *before* column anyway: the scores of a fine-tuned model say what its task
    needs.
Use it when: latency or size matters on any hardware; no special kernel is needed.
What it costs: about half of the removable parameters go at little loss with ``distill``; more costs accuracy.
Composes with: qat, distill, ddp; with privacy where no private example is scored; refused with adapters, which freeze
    what is scored.
Off switch: ``compression.prune.sparsity=0``.
Reference: Molchanov et al. 2019 (arXiv 1906.10771); Michel et al. 2019 (arXiv 1905.10650); Zhu & Gupta 2017
    (arXiv 1710.01878) for the schedule; Sun et al. 2023 (arXiv 2306.11695) for activations times weights.

    accel compression=[prune] compression.prune.sparsity=0.5
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from accel.compression import Removal, Start
from accel.technique import Evidence, Facts, History, Objection

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.plan import Plan


class Score(Enum):
    """What says how much a head or a channel matters."""

    first_order = "first_order"
    magnitude = "magnitude"
    activation = "activation"


@dataclass(kw_only=True)
class Prune(Removal):
    """Structured removal of heads and channels."""

    sparsity: float = 0.5
    """Share of the parameters in heads and channels that is removed at the end, in [0, 1)."""
    begin: float = 0.1
    """Where masking starts, as a share of all steps; before it only scores are collected."""
    end: float = 0.6
    """Where the last unit is masked, as a share of all steps; the rest recovers."""
    every_steps: int = 10
    """Optimizer steps between two choices."""
    multiple_of: int = 32
    """Channels kept per layer are a multiple of this: odd sizes are slow."""
    score: Score = Score.first_order
    """first_order: by gradients of the training examples; magnitude: by the weights alone; activation: by what each
    unit adds to its layer's output on a public text."""
    public_text: str | None = None
    """For ``score=activation``: a file with one text per line, or the name of a task with public data."""

    @property
    def removes(self) -> bool:
        return self.sparsity > 0

    @property
    def needs_gradients(self) -> bool:
        """Whether scores come from the gradients of the training examples."""
        return self.score is Score.first_order

    @property
    def sees_no_private_example(self) -> bool:
        """Whether what is kept depends on weights and public text alone."""
        return self.start is Start.pretrained and not self.needs_gradients

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.sparsity < 1:
            yield self.out_of_range("sparsity", "in [0, 1): it is the share of parameters that goes", "0.5")
        if not 0 <= self.begin < self.end <= 1:
            yield Objection(
                f"{self.key}.begin={self.begin}  with  {self.key}.end={self.end}",
                "masking must begin before it ends, both as shares of training in [0, 1]",
                f"{self.key}.begin=0.1 {self.key}.end=0.6",
            )
        if self.every_steps < 1:
            yield self.out_of_range("every_steps", "at least 1", "10")
        if self.multiple_of < 1:
            yield self.out_of_range("multiple_of", "at least 1", "32")
        if (self.score is Score.activation) != (self.public_text is not None):
            yield Objection(
                f"{self.key}.score={self.score.name}  with  {self.key}.public_text={self.public_text}",
                "activations are taken on a public text, and only activations need one",
                f"{self.key}.score=activation {self.key}.public_text=FILE, a text per line",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.unit_masks import attach

        del facts
        attach(model)
        return model

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.mask_units import MaskUnits

        return [MaskUnits(self, facts.total_steps)]

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.unit_masks import figures

        del history
        found = figures(model)
        return Evidence(
            acted=self.sparsity == 0 or found["removed_fraction"] > 0.5 * self.sparsity,
            figures=found,
            expected=f"about {self.sparsity:.0%} of the removable parameters gone",
        )

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.unit_masks import remove_masked

        return remove_masked(model)
