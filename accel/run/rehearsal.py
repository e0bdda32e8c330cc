"""Steps of training on a model of their own, which is thrown away: nothing of the run itself is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from accel.core.plan import Plan
from accel.data.prepared import Prepared
from accel.run.fit import facts_of
from accel.run.module import TransformerModule

if TYPE_CHECKING:
    from accel.core.facts import LatencyTable


class Rehearsal:
    """A plan's model and optimizer, made as the run will make them, and the batches of its first epochs.

    The order of batches is a function of seed and epoch, so that the run meets the same ones again; whoever makes one
    keeps torch's random numbers by ``torch.random.fork_rng``.

    Args:
        teacher: the folder that stands for the dense baseline and the pretrained model.
    """

    def __init__(
        self, plan: Plan, data: Prepared, latency: LatencyTable | None = None, teacher: Path | None = None
    ) -> None:
        facts = replace(facts_of(plan, data, latency), baseline=teacher, pretrained=teacher)
        self.plan = plan
        self.module = TransformerModule(plan, facts, data.objective.scores(data.validation))
        self.module.configure_model()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module.model.to(self.device).train()
        self.optimizer = plan.trainer.optimizer(self.module.model)
        for technique in plan.techniques:
            self.optimizer = technique.adapt_optimizer(self.optimizer, self.module.model, facts)
        self.data = data
        self.batches = self._batches()

    def _batches(self) -> Iterator[list[int]]:
        sampler = self.data.sampler(self.plan)
        return chain.from_iterable(sampler.batches(epoch) for epoch in count())

    def step(self) -> float:
        """One step of the optimizer; the loss before it."""
        learned, collate, total = self.data.learned(self.plan), self.data.collator(), 0.0
        half = self.plan.trainer.trainer_args()["precision"] == "bf16-mixed"
        accumulate = self.plan.trainer.accumulate
        for indices in islice(self.batches, accumulate):
            batch = {n: v.to(self.device) for n, v in collate([learned[i] for i in indices]).items()}
            with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
                loss = self.module.step(batch)["loss"]
            loss.backward()
            total += float(loss.detach()) / accumulate
        self.plan.trainer.clip_gradients(self.module.model)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total
