"""Trains keys and values that every attention reads before those of the text (prefix tuning).

What it does: each attention of the frozen model gets a number of trained keys and values; they and the head learn.
    They are no tokens: positions, pooling, tags and masks stay those of the text, so padding changes nothing. They
    begin as the keys and values of pieces drawn at random. T5's decoder has its own, and so has what reads the encoder.
Use it when: ``prompt`` is too weak, or a task needs what a prompt cannot do: tags, next tokens, vectors of texts.
What it costs: twice the model's width for each layer and each of ``length``. It cannot be merged: the exported model
    has the prefix as a constant in every format, each attention reads so many keys more, and the record's latency is
    measured with them. It needs a learning rate of 1e-2 or so.
Composes with: every task, every strategy but tensor_parallel, distill, qat and ptq, prune by magnitude or activation
    (a head that goes takes its part of the prefix along), and privacy. Refused with DistilBERT, whose attention takes
    no past.
Off switch: ``tuning=full``.
Reference: Li & Liang 2021 (arXiv 2101.00190); without their network that makes the prefix: it begins with real keys and
    values instead.

    accel tuning=prefix tuning.length=20 trainer.learning_rate=1e-2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.family import SUPPORTED_FAMILIES, family_of
from accel.core.option import Objection
from accel.core.tuning import Inserted

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Prefix(Inserted):
    """Prefix tuning."""

    changes_model: ClassVar[bool] = True
    splits: ClassVar[bool] = False

    length: int = 20
    """How many keys and values each attention reads before those of the text."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if self.length < 1:
            yield self.out_of_range("length", "at least 1", "20")
        family = plan.model.family()
        if family is not None and (family not in SUPPORTED_FAMILIES or not family_of(family).reads_past):
            known = ", ".join(name for name in SUPPORTED_FAMILIES if family_of(name).reads_past)
            yield Objection(
                f"tuning=prefix  with a {family} model",
                f"the attention of a {family} takes no keys and values from before the text, or accel does not know it;"
                f" it knows {known}",
                "tuning=prompt, or tuning=lora",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.prefixes import add_prefix

        del facts
        return add_prefix(model, self.length)

    def trained_share(self, shape: Shape) -> float:
        attentions = shape.num_layers + 2 * shape.num_decoder_layers
        return 2 * attentions * self.length * shape.width / shape.num_parameters

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.prefixes import furthest_moves
        from accel.ops.trainable import trainable_share

        del history
        found = furthest_moves(model)
        moved = sum(distance > 0 for distance in found.values())
        return Evidence(
            acted=bool(found) and moved == len(found),
            figures={"prefixes": len(found), "prefixes_moved": moved, "trainable_share": trainable_share(model)},
            expected="a prefix of every attention that moved away from its beginning",
        )
