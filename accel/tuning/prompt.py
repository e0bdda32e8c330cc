"""Trains a prompt: vectors that the frozen model reads beside each text.

What it does: puts a number of trained vectors into every text, after the token that an encoder is pooled at or else
    before the first one; they and the head learn. Masks, positions and pooling see ordinary tokens, so padding changes
    nothing. They begin as the vectors of pieces drawn at random. T5's decoder reads them too, as it reads the text.
Use it when: the model is large, and a task should be a few kilobytes.
What it costs: accuracy on small models. It cannot be merged: the exported model reads so many tokens more for each
    text, in every format, and its latency is measured with them. It needs a learning rate of 1e-2 or more.
Composes with: every strategy, qat and ptq, prune by magnitude or activation, and privacy; refused with language models,
    and with distillation of hidden states or relations, which compares tokens one by one.
Off switch: ``tuning=full``.
Reference: Lester et al. 2021 (arXiv 2104.08691).

    accel tuning=prompt tuning.length=20 trainer.learning_rate=3e-2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core import tuning
from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Prompt(tuning.Prompt):
    """Prompt tuning."""

    changes_model: ClassVar[bool] = True

    length: int = 20
    """How many vectors each text gets."""

    @property
    def extra_tokens(self) -> int:
        return self.length

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.length < 1:
            yield self.out_of_range("length", "at least 1", "20")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.prompts import add_prompt

        del facts
        return add_prompt(model, self.length)

    def trained_share(self, shape: Shape) -> float:
        return self.length * shape.width / shape.num_parameters

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.prompts import moved
        from accel.ops.trainable import trainable_share

        del history
        furthest = moved(model)
        return Evidence(
            acted=furthest > 0,
            figures={"prompt_tokens": self.length, "moved": furthest, "trainable_share": trainable_share(model)},
            expected="a prompt that moved away from its beginning",
        )
