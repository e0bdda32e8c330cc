"""Turns SIGINT and SIGTERM into: finish the step, save, stop, say how to go on."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch

from accel.checkpoint import LAST
from accel.errors import ExitCode

EXIT_CODES = {signal.SIGINT: ExitCode.SIGINT, signal.SIGTERM: ExitCode.SIGTERM}


class StopOnSignal(pl.Callback):
    """The handler only sets a flag; the loop saves after the step. A second signal ends the process at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.received: signal.Signals | None = None
        self.previous: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del trainer, pl_module
        self.previous = {number: signal.signal(number, self._remember) for number in EXIT_CODES}

    def _remember(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del pl_module, outputs, batch
        between_steps = (batch_idx + 1) % trainer.accumulate_grad_batches == 0  # gradients on their way are not saved
        if between_steps and self._agreed(trainer):
            trainer.save_checkpoint(self.folder / LAST)
            trainer.should_stop = True
            trainer.limit_val_batches = 0

    def _agreed(self, trainer: pl.Trainer) -> bool:
        """All ranks stop at the same step, or the others would wait for ever."""
        if trainer.world_size == 1:
            return self.received is not None
        flag = torch.tensor(float(self.received.value if self.received else 0), device=trainer.strategy.root_device)
        largest = int(trainer.strategy.reduce(flag, reduce_op="max"))  # type: ignore[arg-type]
        if largest and self.received is None:
            self.received = signal.Signals(largest)
        return largest > 0

    def teardown(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        del trainer, pl_module, stage
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        self.previous = {}
