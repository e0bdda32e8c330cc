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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accel.strategy import Strategy
from accel.technique import Evidence, History, Objection

if TYPE_CHECKING:
    from torch import nn

    from accel.plan import Plan


@dataclass(kw_only=True)
class Ddp(Strategy):
    """Replicated data parallelism on one machine."""

    processes: int = 2
    """How many processes train together; on GPUs, one each."""
    timeout_s: int = 600
    """After this long without an answer from the others, a process gives up."""

    def num_processes(self) -> int:
        return self.processes

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.processes < 2:
            yield self.out_of_range("processes", "at least 2; one process is strategy=single", "2")
        if self.timeout_s < 1:
            yield self.out_of_range("timeout_s", "at least 1", "600")

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        from accel.strategy_adapters import ddp_strategy

        return {
            **args,
            "strategy": ddp_strategy(self.timeout_s),
            "devices": self.processes,
            "accelerator": "auto",
            "use_distributed_sampler": False,  # our sampler already gives each rank its share
        }

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        import torch.distributed as dist

        del model, history
        size = dist.get_world_size() if dist.is_initialized() else 1
        return Evidence(
            acted=size == self.processes, figures={"world_size": size}, expected=f"{self.processes} processes"
        )
