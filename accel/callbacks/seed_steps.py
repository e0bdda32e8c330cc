"""Makes dropout a pure function of (seed, rank, step), so that a resumed run draws what an uninterrupted one drew."""

from __future__ import annotations

import hashlib
from typing import Any

import pytorch_lightning as pl
import torch


def step_seed(seed: int, rank: int, step: int) -> int:
    """A well mixed 63-bit seed: neighbouring steps and ranks must not draw related numbers."""
    digest = hashlib.blake2b(f"{seed}/{rank}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class SeedSteps(pl.Callback):
    """Seeds torch before every training step; no random state has to be saved."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        del pl_module, batch, batch_idx
        torch.manual_seed(step_seed(self.seed, trainer.global_rank, trainer.global_step))
