"""Trains the classification head alone, on frozen pretrained features.

What it does: freezes every pretrained weight; only the head's new parameters learn.
Use it when: there are few examples, or a baseline is wanted in a fraction of the time.
What it costs: several points of accuracy against full fine-tuning on most tasks.
Composes with: qat, distill, ddp; refused with prune, which needs the frozen weights' gradients.
Off switch: ``tuning=full``.
Reference: linear probing, e.g. Kumar et al. 2022 (arXiv 2202.10054).

    accel tuning=head trainer.learning_rate=1e-3
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.facts import Evidence, Facts, History
from accel.core.tuning import HeadOnly

if TYPE_CHECKING:
    from torch import nn


@dataclass(kw_only=True)
class Head(HeadOnly):
    """Linear probing."""

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.trainable import freeze_body

        del facts
        return freeze_body(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.trainable import trainable_share

        del history
        share = trainable_share(model)
        return Evidence(
            acted=0 < share < 1, figures={"trainable_share": share}, expected="some weights frozen and some trained"
        )
