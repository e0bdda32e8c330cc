"""Trains small networks behind each block of attention heads and feed-forward channels (bottleneck adapters).

What it does: after every attention and every feed-forward network, adds what a narrow network of two linear layers
    makes of its output; these networks and the head learn, the pretrained weights stay frozen.
Use it when: an update of low rank is not enough, and the task needs something that is not linear in between.
What it costs: what is not linear cannot be merged. The networks stay in the exported model, in every format, and each
    prediction computes them: the record's latency is measured with them.
Composes with: every strategy, distill, qat and ptq (which round the networks too), prune by magnitude or activation,
    and privacy.
Off switch: ``tuning=full``.
Reference: Houlsby et al. 2019 (arXiv 1902.00751).

    accel tuning=adapter tuning.reduction=16 trainer.learning_rate=1e-3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.family import SUPPORTED_FAMILIES
from accel.core.option import Objection
from accel.core.tuning import Inserted

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Adapter(Inserted):
    """Bottleneck adapters."""

    changes_model: ClassVar[bool] = True

    reduction: int = 16
    """How many times narrower than the model each network is."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if self.reduction < 1:
            yield self.out_of_range("reduction", "at least 1", "16")
        family = plan.model.family()
        if family is not None and family not in SUPPORTED_FAMILIES:
            yield Objection(
                f"tuning=adapter  with a {family} model",
                f"accel knows where blocks end in {', '.join(SUPPORTED_FAMILIES)}, not in {family}",
                "tuning=lora, which finds linear layers anywhere",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.inserts import InsertBottlenecks, freeze_all_but_inserts

        del facts
        return freeze_all_but_inserts(InsertBottlenecks(reduction=self.reduction).apply(model))

    def trained_share(self, shape: Shape) -> float:
        blocks = 2 * shape.num_layers + 3 * shape.num_decoder_layers
        return blocks * 2 * shape.width * max(1, shape.width // self.reduction) / shape.num_parameters

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.inserts import insert_norms
        from accel.ops.trainable import trainable_share

        del history
        norms = insert_norms(model)
        moved = sum(norm > 0 for norm in norms.values())
        return Evidence(
            acted=bool(norms) and moved == len(norms),
            figures={"adapters": len(norms), "adapters_moved": moved, "trainable_share": trainable_share(model)},
            expected="every adapter moved away from zero",
        )
