"""Trains low-rank adapters beside frozen weights (LoRA), and merges them at the end.

What it does: PEFT adds two small matrices to every linear layer of the body; they and the head learn, the pretrained
    weights stay frozen; after training the adapters are merged, so the exported model is as fast as a dense one.
    ``rslora`` keeps high ranks from learning too slowly, ``pissa`` begins with the weight's largest singular values,
    ``plus`` (LoRA+) lets the second matrix learn faster, ``train=b`` leaves the first one frozen (LoRA-FA),
    ``targets=attention`` adapts queries and values alone.
Use it when: memory for gradients and optimizer state is short, or one body serves many tasks.
What it costs: often within a point of full fine-tuning, with a learning rate about ten times higher. ``pissa`` takes a
    singular value decomposition of every weight before the first step.
Composes with: distill, ddp, qat (without dropout) and ptq, which round the merged weight; refused with prune, which
    scores the frozen weights.
Off switch: ``tuning=full``.
Reference: Hu et al. 2021 (arXiv 2106.09685); the PEFT library; Kalajdzievski 2023, rsLoRA (arXiv 2312.03732); Meng et
    al. 2024, PiSSA (arXiv 2404.02948); Hayou et al. 2024, LoRA+ (arXiv 2402.12354); Zhang et al. 2023, LoRA-FA (arXiv
    2308.03303).

    accel tuning=lora tuning.rank=16 trainer.learning_rate=1e-3
    accel tuning=lora tuning.rank=64 tuning.rslora=true tuning.plus=16
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.family import SUPPORTED_FAMILIES
from accel.core.option import Objection
from accel.core.tuning import Adapter

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from accel.core.plan import Plan
    from accel.core.shape import Shape


class Targets(Enum):
    """Which linear layers of the body have adapters."""

    all = "all"
    attention = "attention"


class Train(Enum):
    """Which of an adapter's two matrices learn."""

    both = "both"
    b = "b"


@dataclass(kw_only=True)
class Lora(Adapter):
    """Low-rank adaptation."""

    learns_lengths: ClassVar[bool] = False
    """Whether the lengths of the weight's rows learn by themselves (DoRA)."""

    rank: int = 8
    """Rank of each adapter; more learns more and costs more."""
    alpha: float = 16.0
    """The adapter is scaled by alpha / rank."""
    dropout: float = 0.0
    """On the adapter's input, in [0, 1)."""
    rslora: bool = False
    """Scale by alpha / sqrt(rank) instead: worth it from rank 32 on."""
    pissa: bool = False
    """Begin with the largest singular values and vectors of each weight; the rest of it stays frozen."""
    plus: float = 1.0
    """How many times faster than the first matrix the second one learns; the paper's choice is 16."""
    train: Train = Train.both
    """both matrices, or b, the second, alone: the first stays as it was drawn, and its input need not be kept."""
    targets: Targets = Targets.all
    """all linear layers of the body, or attention: its queries and values alone, as in the paper; a faster step."""

    @property
    def input_dropout(self) -> float:
        return self.dropout

    def objections(self, plan: Plan) -> Iterator[Objection]:
        family = plan.model.family()
        if self.targets is Targets.attention and family is not None and family not in SUPPORTED_FAMILIES:
            yield Objection(
                f"tuning.targets=attention  with a {family} model",
                f"accel knows where queries and values lie in {', '.join(SUPPORTED_FAMILIES)}, not in {family}",
                "tuning.targets=all",
            )
        if self.rank < 1:
            yield self.out_of_range("rank", "at least 1", "8")
        if not 0 < self.plus < math.inf:
            yield self.out_of_range("plus", "positive and finite", "16")
        if self.alpha <= 0:
            yield self.out_of_range("alpha", "positive", "16")
        if not 0 <= self.dropout < 1:
            yield self.out_of_range("dropout", "in [0, 1)", "0")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.adapters import add_lora

        del facts
        return add_lora(
            model,
            rank=self.rank,
            alpha=self.alpha,
            dropout=self.dropout,
            rslora=self.rslora,
            pissa=self.pissa,
            dora=self.learns_lengths,
            trains_first=self.train is Train.both,
            attention_only=self.targets is Targets.attention,
        )

    def adapt_optimizer(self, optimizer: Optimizer, model: nn.Module, facts: Facts) -> Optimizer:
        from accel.ops.adapters import second_matrices
        from accel.ops.optimizer_groups import faster

        del facts
        return optimizer if self.plus == 1 else faster(optimizer, second_matrices(model), self.plus)

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.adapters import merge

        return merge(model)

    def trained_share(self, shape: Shape) -> float:
        attentions = shape.num_layers + 2 * shape.num_decoder_layers
        edges = shape.linear_edges if self.targets is Targets.all else 4 * shape.width * attentions
        return self.rank * edges / shape.num_parameters

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.adapters import adapter_norms
        from accel.ops.trainable import trainable_share

        del history
        norms = adapter_norms(model)
        moved = sum(norm > 0 for norm in norms.values())
        return Evidence(
            acted=bool(norms) and moved == len(norms),
            figures={"adapters": len(norms), "adapters_moved": moved, "trainable_share": trainable_share(model)},
            expected="every adapter moved away from its beginning",
        )
