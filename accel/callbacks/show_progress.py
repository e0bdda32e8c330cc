"""Shows how far training is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytorch_lightning as pl

from accel.core.console import Console
from accel.core.metric import QUALITY, Metric

REFRESH_STEPS = 10


class ShowProgress(pl.Callback):
    """A progress bar over optimizer steps with the latest loss and validation quality: first, then every tenth.

    Args:
        quality: None where the validation split is too small to say anything.
    """

    def __init__(self, console: Console, title: str, total_steps: int, quality: Metric | None) -> None:
        self.console = console
        self.title = title
        self.total_steps = total_steps
        self.quality = quality
        self.stack = ExitStack()
        self.update: Any = None
        self.first = 1

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        self.first = trainer.global_step + 1
        self.update = self.stack.enter_context(
            self.console.progress(self.title, self.total_steps, done=trainer.global_step)
        )

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del pl_module, outputs, batch, batch_idx
        if trainer.global_step % REFRESH_STEPS == 0 or trainer.global_step in (self.first, self.total_steps):
            self.update(trainer.global_step, _note(trainer.callback_metrics, self.quality))

    def teardown(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        del trainer, pl_module, stage
        self.stack.close()


def _note(metrics: Any, quality: Metric | None) -> str:
    parts = {"loss": "train/loss"} | ({f"validation {quality.title}": QUALITY} if quality else {})
    return "  ".join(f"{name} {float(metrics[key]):.3f}" for name, key in parts.items() if key in metrics)
