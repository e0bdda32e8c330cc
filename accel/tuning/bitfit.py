"""Trains the biases and the head alone (BitFit).

What it does: freezes every weight matrix; the biases of linear layers and normalizations and the head learn.
Use it when: a record's gradient must be short, as under privacy: a tenth of a percent of the parameters carries the
    noise; or when memory for gradients and optimizer state is short.
What it costs: some accuracy against full fine-tuning, with a learning rate ten times higher or more.
Composes with: qat, distill, dpsgd, ddp; refused with the scores of prune and mask that are the gradients of frozen
    weights.
Off switch: ``tuning=full``.
Reference: Ben Zaken et al. 2021 (arXiv 2106.10199); Bu et al. 2022 (arXiv 2210.00036) under privacy.

    accel tuning=bitfit trainer.learning_rate=2e-3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.facts import Evidence, Facts, History
from accel.core.family import family_of
from accel.core.option import Objection
from accel.core.tuning import FrozenBody

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Bitfit(FrozenBody):
    """Bias-only fine-tuning."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        family = plan.model.family()
        if family is not None and not family_of(family).biases:
            yield Objection(
                f"tuning=bitfit  with a {family} model",
                f"the layers of a {family} have no biases, so only the head would learn",
                "tuning=lora, or tuning=head if that is what you want",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.trainable import freeze_all_but_biases

        del facts
        return freeze_all_but_biases(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.trainable import trainable_share

        del history
        share = trainable_share(model)
        return Evidence(
            acted=0 < share < 0.1, figures={"trainable_share": share}, expected="few weights trained and most frozen"
        )
