"""Switches rounding on at its step, as a function of the step alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.callbacks.keep_full_precision import KeepFullPrecision
from accel.ops.quantize import fake_quantize

if TYPE_CHECKING:
    from accel.compression._quantization import Quantization


class SwitchRounding(KeepFullPrecision):
    """Rounding is on from ``begin_step`` to the end, in validation too."""

    def __init__(self, settings: Quantization, begin_step: int) -> None:
        super().__init__(settings)
        self.begin_step = begin_step

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        del batch, batch_idx
        due = trainer.global_step >= self.begin_step
        if due:
            self.keep(trainer, pl_module)
        fake_quantize.enable(pl_module.model, enabled=due)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """A run that goes on after its last step trains no batch, and is scored as it was trained."""
        if trainer.global_step > self.begin_step:
            self.keep(trainer, pl_module)
            fake_quantize.enable(pl_module.model, enabled=True)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """The same for what is exported."""
        if not trainer.should_stop:
            self.on_validation_start(trainer, pl_module)
