"""What a private run needs of the trainer: no averaging behind its back, and an end when the budget is spent."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from accel.strategy_adapters import do_not_average


class KeepPrivate(pl.Callback):
    """Leaves the sum over ranks to the private step, and stops training at the last step that the budget allows."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        do_not_average(trainer.strategy.model)
        self._stop_when_spent(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del outputs, batch, batch_idx
        self._stop_when_spent(trainer, pl_module)

    @staticmethod
    def _stop_when_spent(trainer: pl.Trainer, pl_module: Any) -> None:
        if pl_module.step.ledger.exhausted:
            trainer.should_stop = True
