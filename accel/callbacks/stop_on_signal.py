"""Turns SIGINT and SIGTERM into: finish the step, save, stop, say how to go on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from accel.checkpoint.atomic import LAST
from accel.process.stop_requests import StopRequests


class StopOnSignal(pl.Callback):
    """The handler only sets a flag; the loop saves after the step, where there is a folder to save into."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.requests = StopRequests(deferred=True)
        self.received: signal.Signals | None = None
        """What all ranks agreed to stop for."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del trainer, pl_module
        self.requests.__enter__()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del pl_module, outputs, batch
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return  # gradients on their way are not saved
        self.received = self._agreed(trainer)
        if self.received is not None:
            if self.folder is not None:
                trainer.save_checkpoint(self.folder / LAST)
            trainer.should_stop = True
            trainer.limit_val_batches = 0

    def _agreed(self, trainer: pl.Trainer) -> signal.Signals | None:
        """All ranks stop at the same step, or the others would wait for ever."""
        own = self.requests.received
        if trainer.world_size == 1:
            return own
        flag = torch.tensor(float(own.value if own else 0), device=trainer.strategy.root_device)
        largest = int(trainer.strategy.reduce(flag, reduce_op="max"))  # type: ignore[arg-type]
        return signal.Signals(largest) if largest else None

    def teardown(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        """A request that was heard stays the only one: whoever repeats it must not cut short how the run ends."""
        del trainer, pl_module, stage
        if self.requests.received is None:
            self.requests.__exit__(None, None, None)
