"""Chooses and holds the masks over single weights between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.ops import weight_masks
from accel.ops.schedule import cubic

if TYPE_CHECKING:
    from accel.compression.mask import Mask


class MaskWeights(pl.Callback):
    """Masks after every optimizer step; its only state is the model's buffers."""

    def __init__(self, settings: Mask, total_steps: int) -> None:
        self.settings = settings
        self.begin_step = int(settings.begin * total_steps)
        self.end_step = max(self.begin_step + 1, int(settings.end * total_steps))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Any) -> None:
        del optimizer
        if self.settings.needs_gradients and trainer.global_step < self.end_step:
            weight_masks.collect(pl_module.model)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del outputs, batch, batch_idx
        step = trainer.global_step
        due = self.begin_step < step < self.end_step and step % self.settings.every_steps == 0
        if due or step == self.end_step:
            fraction = self.settings.sparsity * cubic(step, self.begin_step, self.end_step)
            weight_masks.update(pl_module.model, fraction, self.settings.neighbours)
        if step > self.begin_step:
            weight_masks.apply(pl_module.model)
