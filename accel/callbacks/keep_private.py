"""What a private run needs of the trainer: no averaging behind its back, an end when the budget is spent, the audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from accel.dp.canaries import Coordinates
from accel.dp.ledger import AUDIT
from accel.process.lightning import do_not_average


class KeepPrivate(pl.Callback):
    """Leaves the sum over ranks to the private step, and stops training at the last step that the budget allows.

    Args:
        folder: where the audit is written, if there is one.
        spender: finds in a module's step what has the ledger and the canaries.
    """

    def __init__(self, folder: Path | None, spender: Callable[[Any], Any] = lambda step: step) -> None:
        self.folder = folder
        self.spender = spender
        self.canaries: Coordinates | None = None
        self.resumed: dict[str, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        do_not_average(trainer.strategy.model)
        self.canaries = self.spender(pl_module.step).canaries
        if self.canaries is not None and self.resumed:
            self.canaries.load_state_dict(self.resumed)
        self._stop_when_spent(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del outputs, batch, batch_idx
        self._stop_when_spent(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.canaries is None or self.folder is None or not trainer.is_global_zero or not self.canaries.steps:
            return
        from accel.dp.audit import audit

        found = audit(self.canaries.observed(), self.spender(pl_module.step).ledger.mechanism)
        (self.folder / AUDIT).write_text(json.dumps(asdict(found)), "utf8")

    def state_dict(self) -> dict[str, Any]:
        return self.canaries.state_dict() if self.canaries is not None else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.resumed = state_dict

    def _stop_when_spent(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.spender(pl_module.step).ledger.exhausted:
            trainer.should_stop = True
