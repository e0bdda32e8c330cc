"""Scores and masks removable units between steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl

from accel.callbacks.after_step import AfterStep
from accel.data.prepared import Prepared
from accel.ops.schedule import Ramp
from accel.ops.structured.cost_model import CostModel
from accel.ops.structured.structure import Block, find_blocks
from accel.ops.structured.unit_masks import apply_masks, price, scores_of, update_masks
from accel.ops.structured.unit_scores import UnitScorer

Budget = Callable[[Any, Sequence[Block]], tuple[CostModel, float]]
"""What units cost, and the share of it that must go."""


class MaskUnits(AfterStep):
    """Scores units before, and masks them after, every optimizer step; its only state is the model's buffers."""

    def __init__(
        self, ramp: Ramp, budget: Budget, multiple_of: int, scorer_on: Callable[[Prepared], UnitScorer]
    ) -> None:
        self.ramp = ramp
        self.budget = budget
        self.multiple_of = multiple_of
        self.scorer_on = scorer_on
        self.blocks: list[Block] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        model = pl_module.model
        self.blocks = find_blocks(model)
        self.prices, self.fraction = self.budget(model, self.blocks)
        price(model, self.prices)
        self.scorer = self.scorer_on(trainer.datamodule.data)  # type: ignore[attr-defined]
        if trainer.global_step == 0:  # a resumed run has its scores from the checkpoint
            self.scorer.on_start(model, self.blocks, scores_of(model, self.blocks))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Any) -> None:
        del optimizer
        if trainer.global_step < self.ramp.end_step:
            self.scorer.on_gradients(pl_module.model, self.blocks, scores_of(pl_module.model, self.blocks))

    def after_step(self, model: Any, step: int) -> None:
        if self.ramp.due(step):
            final, fraction = step == self.ramp.end_step, self.fraction * self.ramp.share(step)
            self.scorer.on_choice(model, self.blocks, scores_of(model, self.blocks))
            update_masks(model, self.blocks, self.prices, fraction, self.multiple_of, final=final)
        if step > self.ramp.begin_step:
            apply_masks(model, self.blocks)
