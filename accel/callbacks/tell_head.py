"""Says when training begins with a head of random weights that the checkpoint might have had."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from accel.core.console import Console


class TellHead(pl.Callback):
    """Not of classifiers, whose head is always new."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del trainer
        if pl_module.new_head:
            self.console.say(
                f"The checkpoint has no head for {pl_module.objective.name}: it is new, and learns from random weights "
                f"({len(pl_module.new_head)} tensors, {pl_module.new_head[0]} among them)"
            )
