"""The batches of training, which go on where a checkpoint stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from accel.data.collate import Collator
from accel.data.sampler import TokenBudgetSampler
from accel.data.tokenized import Tokenized

WEIGHT = "weight"
"""Key of a training batch: what its mean counts in the mean over the optimizer step."""
DRAW = "draw"
"""Key of a training example: (seed, epoch), for an objective that changes examples by chance."""


class ResumableLoader(DataLoader[Any]):
    """A loader whose position is part of a checkpoint: epoch and batches already trained on.

    An iteration goes on where the last one stopped, up to the end of the epoch, so what is trained on is a function of
    the number of steps alone. Lightning saves and restores the position because of ``state_dict`` and
    ``load_state_dict``. There are no workers: tokenized examples are only copied, and a worker would take a core.
    """

    def __init__(self, data: Tokenized, sampler: TokenBudgetSampler, collator: Collator) -> None:
        super().__init__(data, batch_sampler=sampler, collate_fn=collator, num_workers=0)
        self.order = sampler
        self.epoch = 0
        self.batches_done = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # Nothing here runs before the first batch is asked for: Lightning makes iterators that it never uses, and
        # resumes an epoch that was complete by an epoch of one batch. Neither may shift the order.
        if self.batches_done >= len(self.order):
            self.epoch, self.batches_done = self.epoch + 1, 0
        elif self.batches_done == 0:
            # Counting epochs, Lightning restores no loader from the end of one; it only sets the sampler's epoch.
            self.epoch = max(self.epoch, self.order.epoch)
        for indices, weight in self.order.weighted(self.epoch)[self.batches_done :]:
            self.batches_done += 1
            draw = {DRAW: (self.order.seed, self.epoch)}
            yield self.collate_fn([self.dataset[i] | draw for i in indices]) | {WEIGHT: weight}

    def state_dict(self) -> dict[str, int]:
        """Where training stands, in optimizer steps, which are the same however many processes take their batches.

        Lightning fetches nothing ahead from a loader of known length.
        """
        return {"epoch": self.epoch, "steps_done": self.batches_done // self.order.accumulate}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue there: the next iteration begins after the batches of the steps that were done."""
        self.epoch, self.batches_done = state["epoch"], state["steps_done"] * self.order.accumulate
