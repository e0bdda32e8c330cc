"""Switches rounding on when training is over."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from accel.callbacks.keep_full_precision import KeepFullPrecision
from accel.ops.quantize import fake_quantize, merged


class RoundAtEnd(KeepFullPrecision):
    """Training and validation see unrounded weights; what is evaluated and exported afterwards is rounded."""

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        merged.merge_adapters_in_the_loop(pl_module.model)
        if not trainer.should_stop:  # else it was interrupted: nothing is exported, and whoever stopped it waits
            self.keep(trainer, pl_module)
        fake_quantize.enable(pl_module.model, enabled=True)
