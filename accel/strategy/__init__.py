"""How the work is spread over processes and devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from accel.technique import Evidence, History, Objection, Stage, Technique

if TYPE_CHECKING:
    from pytorch_lightning.strategies import ParallelStrategy
    from torch import nn

    from accel.forecast.spread import Spread
    from accel.plan import Plan


@dataclass(kw_only=True)
class Strategy(Technique):
    """Base of every option of the group ``strategy``."""

    group: ClassVar[str] = "strategy"
    stage: ClassVar[Stage] = Stage.DISTRIBUTE

    def num_processes(self) -> int:
        """How many processes train together."""
        return 1

    def num_shares(self) -> int:
        """Into how many parts the examples of a step are divided; processes that split a layer share one part."""
        return self.num_processes()

    def share_of(self, rank: int) -> int:
        """Which part a process takes."""
        return rank

    def distribute(self, model: nn.Module) -> nn.Module:
        """Spread the finished model over the processes; last of all to touch it."""
        return model

    def collect(self, model: nn.Module) -> nn.Module:
        """The trained model as a plain whole module again; every process calls it."""
        return model

    def spread(self) -> Spread:
        """What the ranks exchange and hold, for the forecast; a strategy that says nothing exchanges nothing."""
        from accel.forecast.spread import Alone

        return Alone()


@dataclass(kw_only=True)
class Distributed(Strategy):
    """Base of every strategy of several processes: how many there are, and how long they wait for each other."""

    processes: int = 2
    """How many processes train together; on GPUs, one each."""
    timeout_s: int = 600
    """After this long without an answer from the others, a process gives up."""

    def lightning_strategy(self) -> ParallelStrategy:
        """What wraps the model and lets the processes talk."""
        raise NotImplementedError

    def num_processes(self) -> int:
        return self.processes

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.processes < 2:
            yield self.out_of_range("processes", "at least 2; one process is strategy=single", "2")
        if self.timeout_s < 1:
            yield self.out_of_range("timeout_s", "at least 1", "600")

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        return {
            **args,
            "strategy": self.lightning_strategy(),
            "devices": self.processes,
            "accelerator": "auto",
            "use_distributed_sampler": False,  # our sampler already gives each rank its share
        }

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        import torch.distributed as dist

        del model, history
        size = dist.get_world_size() if dist.is_initialized() else 1
        wanted = self.num_processes()
        return Evidence(acted=size == wanted, figures={"world_size": size}, expected=f"{wanted} processes")
