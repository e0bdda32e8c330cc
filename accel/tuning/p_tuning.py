"""Trains a prompt that a small network makes (P-tuning), and keeps the vectors that it made in the end.

What it does: as ``prompt``, and the vectors come out of a network of two layers, through which they learn together;
    at the end they are kept as a constant and the network goes.
Use it when: ``prompt`` learns too slowly or depends too much on where it begins.
What it costs: the network's gradients and optimizer state while training; afterwards what ``prompt`` costs: so many
    tokens more for each text, in every format. It cannot be merged.
Composes with: every strategy, qat and ptq, prune by magnitude or activation; refused where ``prompt`` is, and
    with privacy: the network reads no text, so no record has a gradient of it by itself.
Off switch: ``tuning=full``.
Reference: Liu et al. 2021 (arXiv 2103.10385).

    accel tuning=p_tuning tuning.length=20 trainer.learning_rate=5e-3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection
from accel.core.tuning import Prompt

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class PTuning(Prompt):
    """A prompt made by a network."""

    changes_model: ClassVar[bool] = True
    sampled: ClassVar[bool] = False

    length: int = 20
    """How many vectors each text gets."""
    hidden: int = 128
    """Width of the network between its two layers."""

    @property
    def extra_tokens(self) -> int:
        return self.length

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.length < 1:
            yield self.out_of_range("length", "at least 1", "20")
        if self.hidden < 1:
            yield self.out_of_range("hidden", "at least 1", "128")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.prompts import add_prompt

        del facts
        return add_prompt(model, self.length, hidden=self.hidden)

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.prompts import fold

        return fold(model)

    def trained_share(self, shape: Shape) -> float:
        return (self.length + 2 * self.hidden) * shape.width / shape.num_parameters

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
