"""Chooses and holds the masks over single weights between steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from accel.callbacks.after_step import AfterStep
from accel.data.prepared import Prepared
from accel.ops.schedule import Ramp
from accel.ops.sparse import weight_masks
from accel.ops.sparse.pattern import Pattern
from accel.ops.sparse.weight_scores import WeightScorer


class MaskWeights(AfterStep):
    """Masks after every optimizer step; its only state is the model's buffers."""

    def __init__(
        self, ramp: Ramp, sparsity: float, layout: Pattern, scorer_on: Callable[[Prepared], WeightScorer]
    ) -> None:
        self.ramp = ramp
        self.sparsity = sparsity
        self.layout = layout
        self.scorer_on = scorer_on

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        self.scorer = self.scorer_on(trainer.datamodule.data)  # type: ignore[attr-defined]

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Any) -> None:
        del optimizer
        if trainer.global_step < self.ramp.end_step:
            self.scorer.on_gradients(pl_module.model)

    def after_step(self, model: Any, step: int) -> None:
        if self.ramp.due(step):
            fraction, scores = self.sparsity * self.ramp.share(step), self.scorer.scores(model)
            weight_masks.update(model, scores, fraction, self.layout, per_row=self.scorer.per_row)
        if step > self.ramp.begin_step:
            weight_masks.apply(model)
