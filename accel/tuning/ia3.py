"""Trains a factor for each key, each value and each channel of the feed-forward networks (IA3), merged at the end.

What it does: multiplies keys, values and the networks' inner values by vectors that begin at one; they and the head
    learn. Afterwards they are multiplied into the weights, so the exported model is as fast as a dense one. In GPT-2,
    whose queries share a layer with them, the queries have no factors, as in the paper.
Use it when: next to nothing may be trained, and the model has no biases or they are not enough.
What it costs: more accuracy than ``lora``; a learning rate of 5e-3 to 1e-2 helps.
Composes with: distill, ddp, fsdp, qat and ptq, which round the merged weight. Refused with prune and mask as lora is,
    with privacy, for the factors have no known gradient of each record, and with tensor_parallel.
Off switch: ``tuning=full``.
Reference: Liu et al. 2022 (arXiv 2205.05638).

    accel tuning=ia3 trainer.learning_rate=5e-3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.family import SUPPORTED_FAMILIES
from accel.core.option import Objection
from accel.core.tuning import Adapter

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Ia3(Adapter):
    """Infused adapters that inhibit and amplify inner activations."""

    sampled: ClassVar[bool] = False
    splits: ClassVar[bool] = False

    def objections(self, plan: Plan) -> Iterator[Objection]:
        family = plan.model.family()
        if family is not None and family not in SUPPORTED_FAMILIES:
            yield Objection(
                f"tuning=ia3  with a {family} model",
                f"accel knows where keys and values lie in {', '.join(SUPPORTED_FAMILIES)}, not in {family}",
                "tuning=lora, which finds linear layers anywhere",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.scaled import add_factors

        del facts
        return add_factors(model)

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.scaled import merge_factors

        return merge_factors(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.scaled import furthest_factors
        from accel.ops.trainable import trainable_share

        del history
        found = furthest_factors(model)
        moved = sum(distance > 0 for distance in found.values())
        return Evidence(
            acted=bool(found) and moved == len(found),
            figures={"layers": len(found), "layers_moved": moved, "trainable_share": trainable_share(model)},
            expected="factors of every layer moved away from one",
        )
