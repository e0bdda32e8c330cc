"""Scores and masks removable units between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.callbacks.after_step import AfterStep
from accel.data.calibration import calibration_batches
from accel.ops.structured.structure import Block, find_blocks
from accel.ops.structured.unit_masks import apply_masks, price, scores_of, update_masks
from accel.ops.structured.unit_scores import scorer_for

if TYPE_CHECKING:
    from accel.compression.prune import Prune
    from accel.core.facts import Facts


class MaskUnits(AfterStep):
    """Scores units before, and masks them after, every optimizer step; its only state is the model's buffers."""

    def __init__(self, settings: Prune, facts: Facts) -> None:
        self.settings = settings
        self.facts = facts
        self.ramp = settings.ramp(facts.total_steps)
        self.blocks: list[Block] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        model, settings = pl_module.model, self.settings
        self.blocks = find_blocks(model)
        self.prices, self.fraction = settings.budget(model, self.blocks, self.facts)
        price(model, self.prices)
        data, text = trainer.datamodule.data, settings.public_text  # type: ignore[attr-defined]
        self.scorer = scorer_for(settings.score, lambda: calibration_batches(data, text, f"{settings.key}.public_text"))
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
            update_masks(model, self.blocks, self.prices, fraction, self.settings.multiple_of, final=final)
        if step > self.ramp.begin_step:
            apply_masks(model, self.blocks)
