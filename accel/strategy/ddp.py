"""Data parallel training over several processes (torch DistributedDataParallel).

What it does: every process holds the whole model and takes its share of each epoch; gradients are averaged.
Use it when: the model fits on each device and there is more than one (GPUs with nccl, CPU processes with gloo).
What it costs: one all-reduce of the gradients per step.
Composes with: every technique; masks agree on all ranks because they are chosen from averaged gradients.
Off switch: ``strategy=single``.
Reference: Li et al. 2020 (arXiv 2006.15704); ``DDPStrategy`` of Lightning.

    accel strategy=ddp strategy.processes=2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.strategy import Distributed

if TYPE_CHECKING:
    from pytorch_lightning.strategies import DDPStrategy

    from accel.forecast.spread import Spread


@dataclass(kw_only=True)
class Ddp(Distributed):
    """Replicated data parallelism."""

    def lightning_strategy(self) -> DDPStrategy:
        from accel.strategy_adapters import ddp_strategy

        return ddp_strategy(self.timeout_s)

    def spread(self) -> Spread:
        from accel.forecast.spread import Replicated

        return Replicated()
