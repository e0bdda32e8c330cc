"""Tells a federated round which it is and by what its clients train, both of which only the trainer knows."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytorch_lightning as pl

from accel.process.lightning import log_by_steps


class BeginRound(pl.Callback):
    """The number of a round is that of the steps that were taken: a resumed run needs no other position."""

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        del batch_idx
        log_by_steps(trainer)
        batch.number = trainer.global_step
        batch.server = trainer.optimizers[0]
        batch.bound = partial(pl_module.plan.trainer.clip_gradients, pl_module.model)
