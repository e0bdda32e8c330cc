"""Trains the normalizations and the head alone: what BitFit is for architectures without biases.

What it does: freezes everything in the body but the scales (and shifts) of its normalizations; they and the head learn.
Use it when: the model has no biases, as T5 and Llama, and next to nothing may be trained.
What it costs: more accuracy than ``lora``; a learning rate ten times higher or more helps. Nothing at inference: the
    exported model has the shape that it had.
Composes with: qat, ptq, distill, every strategy and privacy; refused with the scores of prune and mask that are the
    gradients of frozen weights.
Off switch: ``tuning=full``.
Reference: Zhao et al. 2024, Tuning LayerNorm in attention (arXiv 2312.11420).

    accel tuning=norm trainer.learning_rate=2e-3
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.facts import Evidence, Facts, History
from accel.core.tuning import FrozenBody

if TYPE_CHECKING:
    from torch import nn


@dataclass(kw_only=True)
class Norm(FrozenBody):
    """Fine-tuning of normalizations only."""

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.trainable import freeze_all_but_norms

        del facts
        return freeze_all_but_norms(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.trainable import trainable_share

        del history
        share = trainable_share(model)
        return Evidence(
            acted=0 < share < 0.1, figures={"trainable_share": share}, expected="few weights trained and most frozen"
        )
