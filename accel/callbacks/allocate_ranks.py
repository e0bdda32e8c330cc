"""Deals AdaLoRA's ranks out between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.callbacks.after_step import AfterStep

if TYPE_CHECKING:
    from accel.ops.adapters import Budget, RankAllocation


class AllocateRanks(AfterStep):
    """After every optimizer step, while the gradients that it used are still there; its state is in the checkpoint."""

    allocation: RankAllocation

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.stored: dict[str, Any] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        from accel.ops.adapters import RankAllocation

        del trainer
        self.allocation = RankAllocation(pl_module.model, self.budget)
        if self.stored:
            self.allocation.restore(self.stored)

    def after_step(self, model: Any, step: int) -> None:
        self.allocation.after_step(model, step)

    def state_dict(self) -> dict[str, Any]:
        return self.allocation.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.stored = state_dict
