"""Switches rounding on at its step, as a function of the step alone."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from accel.ops import rounding


class SwitchRounding(pl.Callback):
    """Rounding is on from ``begin_step`` to the end, in validation too: a resumed run needs no state for it."""

    def __init__(self, begin_step: int) -> None:
        self.begin_step = begin_step

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        del batch, batch_idx
        rounding.enable(pl_module.model, enabled=trainer.global_step >= self.begin_step)
