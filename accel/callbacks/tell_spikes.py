"""Says when the loss or the gradient's norm jumps: training goes on, and whoever reads the log knows where to look."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

import pytorch_lightning as pl

from accel.core.console import Console

WINDOW, AT_LEAST, MAX_TOLD = 50, 10, 5
"""Steps that a value is compared with; how many there must be; how many spikes are told."""
LOSS_TIMES, NORM_TIMES = 10.0, 20.0
FLOOR = 0.1
"""Of what was usual in the beginning: a loss near zero may rise many times over and still be small."""


class Spikes:
    """One quantity, step by step.

    Args:
        times: how many times its usual value is a spike.
    """

    def __init__(self, times: float) -> None:
        self.times = times
        self.recent: deque[float] = deque(maxlen=WINDOW)
        self.floor = 0.0

    def ratio(self, value: float) -> float | None:
        """How many times its usual value it is now; None where that is no spike, and for the first steps."""
        usual = max(median(self.recent), self.floor) if len(self.recent) >= AT_LEAST else 0.0
        self.recent.append(value)
        if len(self.recent) == AT_LEAST and self.floor == 0:
            self.floor = FLOOR * median(self.recent)
        return value / usual if usual > 0 and value > self.times * usual else None


class TellSpikes(pl.Callback):
    """Not for private runs, whose loss and gradients are nobody's to read."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.watched = {"loss": Spikes(LOSS_TIMES), "gradient's norm": Spikes(NORM_TIMES)}
        self.told = 0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del outputs, batch
        if (batch_idx + 1) % trainer.accumulate_grad_batches or pl_module.plan.privacy is not None:
            return
        values = {"loss": trainer.callback_metrics.get("train/loss"), "gradient's norm": pl_module.gradient_norm}
        for name, value in values.items():
            if value is not None:
                self._watch(name, float(value), trainer.global_step)

    def _watch(self, name: str, value: float, step: int) -> None:
        ratio = self.watched[name].ratio(value)
        if ratio is None or self.told == MAX_TOLD:
            return
        self.told += 1
        last = " Further ones are not told." if self.told == MAX_TOLD else ""
        self.console.say(
            f"  Spike at step {step}: the {name} is {value:.3g}, {ratio:.0f} times the usual. Look at the examples "
            f"of that step, or lower trainer.learning_rate if it does not come down.{last}"
        )
