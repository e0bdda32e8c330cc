"""Trains low-rank adapters, and deals their ranks out to the layers that need them (AdaLoRA); merged at the end.

What it does: as ``lora``, each adapter being two matrices of singular vectors with singular values between them. After
    each step of the optimizer every rank is weighed by how much the loss depends on it; from ``begin`` to ``end`` of
    training the least important ranks of the whole model are zeroed, until ``rank`` per adapter are left on average.
    A term that keeps singular vectors orthonormal is added to the loss and logged as ``orthogonality``.
Use it when: few ranks are to be trained and layers differ in what they have to learn.
What it costs: a little more memory and time per step than ``lora`` of ``initial_rank``; often accuracy at the same
    budget: in PEFT's own comparison it stands behind plain LoRA. After merging, nothing.
Composes with: distill, ddp, qat (without dropout) and ptq, which round the merged weight. Refused with prune and mask
    as lora is, with privacy, for the singular values have no known gradient of each record, with fsdp and
    tensor_parallel, where no process has all ranks, and with federated, where the server sees no gradient of a step.
Off switch: ``tuning=full``.
Reference: Zhang et al. 2023 (arXiv 2303.10512); the PEFT library's allocation.

    accel tuning=adalora tuning.rank=8 tuning.initial_rank=12 trainer.learning_rate=5e-3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History, Step
from accel.core.option import Objection
from accel.core.tuning import Adapter

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import Tensor, nn

    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Adalora(Adapter):
    """Adaptive low-rank adaptation."""

    sampled: ClassVar[bool] = False
    splits: ClassVar[bool] = False
    shards: ClassVar[bool] = False
    reads_gradients: ClassVar[bool] = True

    rank: int = 8
    """Ranks that an adapter keeps in the end, on average."""
    initial_rank: int = 12
    """Of each adapter at first; more than ``rank``."""
    alpha: float = 16.0
    """An adapter is scaled by alpha / initial_rank."""
    dropout: float = 0.0
    """On the adapter's input, in [0, 1)."""
    begin: float = 0.1
    """Share of training up to which all ranks stay, in [0, 1)."""
    end: float = 0.7
    """Share of training from which no rank comes or goes any more, in (begin, 1]."""
    every_steps: int = 10
    """Optimizer steps between two decisions."""
    orthogonality: float = 0.5
    """Weight of the term that keeps an adapter's singular vectors apart; 0 for none."""

    @property
    def settled_at(self) -> float:
        return self.end

    @property
    def input_dropout(self) -> float:
        return self.dropout

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        for name, instead in (("rank", "8"), ("every_steps", "10")):
            if getattr(self, name) < 1:
                yield self.out_of_range(name, "at least 1", instead)
        if self.initial_rank <= self.rank:
            yield self.out_of_range(
                "initial_rank", f"more than tuning.rank={self.rank}: else no rank goes", str(self.rank * 3 // 2 + 1)
            )
        if self.alpha <= 0:
            yield self.out_of_range("alpha", "positive", "16")
        if self.orthogonality < 0:
            yield self.out_of_range("orthogonality", "at least 0", "0.5")
        if not 0 <= self.dropout < 1:
            yield self.out_of_range("dropout", "in [0, 1)", "0")
        if not 0 <= self.begin < self.end <= 1:
            yield self.out_of_range("begin", f"in [0, 1) and below tuning.end={self.end}, which is at most 1", "0.1")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.adapters import add_adalora

        del facts
        return add_adalora(model, initial_rank=self.initial_rank, alpha=self.alpha, dropout=self.dropout)

    def adapt_step(self, step: Step, model: nn.Module, facts: Facts) -> Step:
        """Beside the loss of the examples, whatever weighs those."""
        from accel.ops.adapters import orthogonality

        del facts

        def regular(batch: object) -> dict[str, Tensor]:
            terms, apart = step(batch), orthogonality(model)
            whole = terms["loss"] + self.orthogonality * apart
            return {"task_loss": terms["loss"], **terms, "orthogonality": apart, "loss": whole}

        return regular if self.orthogonality else step

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.allocate_ranks import AllocateRanks
        from accel.ops.adapters import Budget

        ranks = {"rank": self.rank, "initial_rank": self.initial_rank, "every_steps": self.every_steps}
        return [AllocateRanks(Budget.of(facts.total_steps, self.begin, self.end, **ranks))]

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.adapters import merge

        return merge(model)

    def trained_share(self, shape: Shape) -> float:
        return self.initial_rank * shape.linear_edges / shape.num_parameters

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.adapters import ranks
        from accel.ops.trainable import trainable_share

        del history
        found = ranks(model)
        left, budget = sum(found.values()), self.rank * len(found)
        return Evidence(
            acted=0 < left <= budget,
            figures={
                "adapters": len(found),
                "ranks": left,
                "ranks_at_most": budget,
                "fewest_ranks": min(found.values(), default=0),
                "most_ranks": max(found.values(), default=0),
                "trainable_share": trainable_share(model),
            },
            expected=f"some ranks, and at most tuning.rank={self.rank} per adapter on average",
        )
