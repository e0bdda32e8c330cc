"""Steps of training on a model of their own, which is thrown away: nothing of the run itself is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from accel.core.plan import Plan
from accel.data.prepared import Prepared
from accel.run.baseline import dense_plan, save_dense
from accel.run.fit import facts_of
from accel.run.module import TransformerModule

if TYPE_CHECKING:
    from accel.core.facts import LatencyTable


@contextmanager
def untrained_teacher(plan: Plan, data: Prepared) -> Iterator[Path]:
    """A folder that stands for a dense baseline which is not trained yet: it costs as much to ask."""
    dense = dense_plan(plan)
    with TemporaryDirectory(prefix="accel-") as name, torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        save_dense(dense.model.network(data.objective), data, Path(name), ())
        yield Path(name) / "model"


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
        accumulate = self.plan.trainer.accumulate
        total = sum(self.learn(indices) / accumulate for indices in islice(self.batches, accumulate))
        self.update()
        return total

    def learn(self, indices: list[int]) -> float:
        """Add the gradients of these examples to those that are there; their loss."""
        loss = self.loss(indices)
        loss.backward()
        return float(loss.detach())

    def loss(self, indices: list[int]) -> Tensor:
        """Of these examples, with what its backward pass needs."""
        learned, collate = self.data.learned(self.plan), self.data.collator()
        half = self.plan.trainer.trainer_args()["precision"] == "bf16-mixed"
        batch = {n: v.to(self.device) for n, v in collate([learned[i] for i in indices]).items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            return self.module.step(batch)["loss"]

    def update(self) -> None:
        """Move the weights by the gradients that are there, and forget these."""
        self.plan.trainer.clip_gradients(self.module.model)
        self.optimizer.step()
        self.optimizer.zero_grad()
