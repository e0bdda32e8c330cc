"""Chooses and holds the masks over single weights between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.callbacks.after_step import AfterStep
from accel.data.calibration import calibration_batches
from accel.ops.sparse import weight_masks
from accel.ops.sparse.weight_scores import scorer_for

if TYPE_CHECKING:
    from accel.compression.mask import Mask


class MaskWeights(AfterStep):
    """Masks after every optimizer step; its only state is the model's buffers."""

    def __init__(self, settings: Mask, total_steps: int) -> None:
        self.settings = settings
        self.ramp = settings.ramp(total_steps)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        data, settings = trainer.datamodule.data, self.settings  # type: ignore[attr-defined]
        key = f"{settings.key}.public_text"
        self.scorer = scorer_for(settings.score, lambda: calibration_batches(data, settings.public_text, key))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Any) -> None:
        del optimizer
        if trainer.global_step < self.ramp.end_step:
            self.scorer.on_gradients(pl_module.model)

    def after_step(self, model: Any, step: int) -> None:
        if self.ramp.due(step):
            fraction, layout = self.settings.sparsity * self.ramp.share(step), self.settings.layout
            weight_masks.update(model, self.scorer.scores(model), fraction, layout, per_row=self.scorer.per_row)
        if step > self.ramp.begin_step:
            weight_masks.apply(model)
