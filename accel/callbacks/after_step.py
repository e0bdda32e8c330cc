"""Work after each optimizer step, once, however many batches make a step."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import pytorch_lightning as pl


class AfterStep(pl.Callback):
    """Base of callbacks that change weights between steps; Lightning itself calls after each batch."""

    seen_step: int

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        self.seen_step = trainer.global_step

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del outputs, batch, batch_idx
        if trainer.global_step > self.seen_step:
            self.seen_step = trainer.global_step
            self.after_step(pl_module.model, trainer.global_step)

    @abstractmethod
    def after_step(self, model: Any, step: int) -> None:
        """What to do after step ``step``, counted from 1."""
