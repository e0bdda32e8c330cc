"""Opens the place where owners join when training begins, and parts with them when it ends."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from accel import __version__
from accel.federated.agreed import words_of
from accel.federated.roster import Roster
from accel.federated.secret import address_of, secret_of
from accel.federated.tls import serving


class ServeOwners(pl.Callback):
    """Owners are told that it is over when all rounds are done; otherwise they go on calling, for a resume."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        strategy = pl_module.plan.strategy
        address = address_of(strategy.listen)
        assert address is not None  # an objection says so
        roster = partial(
            _roster,
            words_of(pl_module.plan),
            address=address,
            secret=secret_of(Path(strategy.secret_file) if strategy.secret_file else None, os.environ),
            places=strategy.clients,
            answer_s=strategy.answer_s,
            context=serving(strategy.tls_certificate, strategy.tls_key),
        )
        pl_module.step.open(roster, pl_module.objective)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        done = trainer.global_step >= trainer.max_steps or (trainer.should_stop and _spent(pl_module))
        pl_module.step.close({"done": True} if done else {"later": True})

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        del trainer, exception
        pl_module.step.close({"later": True})


def _spent(pl_module: Any) -> bool:
    """Whether a private run has used up what it may spend."""
    ledger = getattr(pl_module.step.release, "ledger", None)
    return ledger is not None and ledger.exhausted


def _roster(words: list[str], *, told: dict[str, Any], **settings: Any) -> Roster:
    return Roster(told={**told, "words": words, "version": __version__}, **settings)
