"""Reports a trial's validation quality to its study, and ends the run when the study says that others do better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl

from accel.core.metric import QUALITY, Metric
from accel.errors import Pruned
from accel.sweep.stopping import Stopping

BETWEEN_EQUALS = "validation/loss"
LESS_THAN_ONE_EXAMPLE = 1e-9
"""Of any validation split."""


def standing(metrics: Mapping[str, Any], quality: Metric) -> float:
    """The quality, negated if lower is better; among equals, the lower loss is a hair better.

    Early in training, many trials of an unbalanced task all answer the most frequent class: equal to the last digit,
    so that a halving by the share of right answers alone would promote every one of them.
    """
    loss = math.tanh(float(metrics.get(BETWEEN_EQUALS, 0.0)))
    return quality.gain(float(metrics[QUALITY])) - LESS_THAN_ONE_EXAMPLE * loss


class AskStudy(pl.Callback):
    """Asks after every validation; rank 0 asks, all ranks stop at the same step."""

    def __init__(self, stopping: Stopping, quality: Metric) -> None:
        self.stopping = stopping
        self.quality = quality
        self.stopped_after: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        self.trial = self.stopping.own_trial() if trainer.is_global_zero else None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        del pl_module
        epochs = trainer.current_epoch + 1
        stop = False
        if self.trial is not None:
            self.trial.report(standing(trainer.callback_metrics, self.quality), epochs)
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
