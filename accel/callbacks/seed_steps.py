"""Makes dropout a pure function of the seed and a batch's place, so that a resumed run draws what an uninterrupted one
drew, and several processes what one process draws that takes their batches one after the other.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

from accel.core.plan import Plan
from accel.core.seeds import step_seed


class SeedSteps(pl.Callback):
    """Seeds torch before every batch; no random state has to be saved."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        del pl_module, batch
        strategy = self.plan.strategy
        turn = batch_idx % self.plan.trainer.accumulate
        place = turn * strategy.num_shares() + strategy.share_of(trainer.global_rank)
        torch.manual_seed(step_seed(self.plan.seed, place, trainer.global_step))
