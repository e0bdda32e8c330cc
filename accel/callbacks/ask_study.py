"""Reports a trial's validation quality to its study, and ends the run when the study says that others do better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl

from accel.errors import Pruned
from accel.sweep.stopping import Stopping

MONITORED = "validation/accuracy"
BETWEEN_EQUALS = "validation/loss"
LESS_THAN_ONE_EXAMPLE = 1e-9
"""Of any validation split."""


def standing(metrics: Mapping[str, Any]) -> float:
    """Accuracy; among equals, the lower loss is a hair better.

    Early in training, many trials of an unbalanced task all answer the most frequent class: equal to the last digit,
    so that a halving by accuracy alone would promote every one of them.
    """
    return float(metrics[MONITORED]) - LESS_THAN_ONE_EXAMPLE * math.tanh(float(metrics[BETWEEN_EQUALS]))


class AskStudy(pl.Callback):
    """Asks after every validation; rank 0 asks, all ranks stop at the same step."""

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.stopped_after: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        self.trial = self.stopping.own_trial() if trainer.is_global_zero else None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        epochs = trainer.current_epoch + 1
        stop = False
        if self.trial is not None:
            self.trial.report(standing(trainer.callback_metrics), epochs)
            stop = self.trial.should_prune() and epochs < self.stopping.epochs
        if trainer.strategy.broadcast(stop):
            trainer.should_stop = True
            self.stopped_after = epochs

    def check(self) -> None:
        """After training.

        Raises:
            Pruned: the study stopped it.
        """
        if self.stopped_after is not None:
            raise Pruned(
                f"Stopped after epoch {self.stopped_after} of {self.stopping.epochs}: other trials of the search were "
                f"better by then."
            )
