"""Trains low-rank adapters beside frozen weights (LoRA), and merges them at the end.

What it does: PEFT adds two small matrices to every linear layer of the body; they and the head learn, the pretrained
    weights stay frozen; after training the adapters are merged, so the exported model is as fast as a dense one.
Use it when: memory for gradients and optimizer state is short, or one body serves many tasks.
What it costs: often within a point of full fine-tuning, with a learning rate about ten times higher.
Composes with: distill, ddp, qat (without dropout) and ptq, which round the merged weight; refused with prune, which
    scores the frozen weights.
Off switch: ``tuning=full``.
Reference: Hu et al. 2021 (arXiv 2106.09685); the PEFT library.

    accel tuning=lora tuning.rank=16 trainer.learning_rate=1e-3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection
from accel.core.tuning import Adapter

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Lora(Adapter):
    """Low-rank adaptation."""

    rank: int = 8
    """Rank of each adapter; more learns more and costs more."""
    alpha: float = 16.0
    """The adapter is scaled by alpha / rank."""
    dropout: float = 0.0
    """On the adapter's input, in [0, 1)."""

    @property
    def input_dropout(self) -> float:
        return self.dropout

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.rank < 1:
            yield self.out_of_range("rank", "at least 1", "8")
        if self.alpha <= 0:
            yield self.out_of_range("alpha", "positive", "16")
        if not 0 <= self.dropout < 1:
            yield self.out_of_range("dropout", "in [0, 1)", "0")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.adapters import add_lora

        del facts
        return add_lora(model, rank=self.rank, alpha=self.alpha, dropout=self.dropout)

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.adapters import merge

        return merge(model)

    def trained_share(self, shape: Shape) -> float:
        return self.rank * shape.linear_edges / shape.num_parameters

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.adapters import adapter_norms
        from accel.ops.trainable import trainable_share

        del history
        norms = adapter_norms(model)
        moved = sum(norm > 0 for norm in norms.values())
        return Evidence(
            acted=bool(norms) and moved == len(norms),
            figures={"adapters": len(norms), "adapters_moved": moved, "trainable_share": trainable_share(model)},
            expected="every adapter moved away from zero",
        )
