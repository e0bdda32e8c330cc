"""What strategies of several processes have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.facts import Evidence, History
from accel.core.option import Objection
from accel.core.strategy import Strategy
from accel.process.rank_info import address_of

if TYPE_CHECKING:
    from pytorch_lightning.strategies import ParallelStrategy
    from torch import nn

    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Distributed(Strategy):
    """Base of every strategy of several processes: how many there are, where they meet, how long they wait."""

    fewest: ClassVar[int] = 2
    """Processes that it needs."""
    fewest_said: ClassVar[str] = "at least 2; one process is strategy=single"

    processes: int = 2
    """How many processes train on each machine; on GPUs, one each."""
    nodes: int = 1
    """How many machines train together."""
    node_rank: int | None = None
    """Which of them this is, from 0; torchrun and srun say it themselves."""
    rendezvous: str | None = None
    """HOST:PORT where the processes meet, on the machine of node_rank 0; by default this machine and a free port, and
    what torchrun and srun say."""
    timeout_s: int = 600
    """After this long without an answer from the others, a process gives up."""

    @abstractmethod
    def lightning_strategy(self) -> ParallelStrategy:
        """What wraps the model and lets the processes talk."""

    def num_processes(self) -> int:
        return self.processes * self.nodes

    def local_processes(self) -> int:
        return self.processes

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.processes < 1 or self.num_processes() < self.fewest:
            yield self.out_of_range("processes", self.fewest_said, str(self.fewest))
        if self.nodes < 1:
            yield self.out_of_range("nodes", "at least 1", "1")
        if self.node_rank is not None and not 0 <= self.node_rank < self.nodes:
            yield self.out_of_range("node_rank", f"at least 0 and less than nodes={self.nodes}", "0")
        if self.timeout_s < 1:
            yield self.out_of_range("timeout_s", "at least 1", "600")
        if self.rendezvous is not None and not _is_address(self.rendezvous):
            yield self.out_of_range("rendezvous", "a host and a port", "10.0.0.1:29500")

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        from accel.process.lightning import processes_exist

        return {
            **args,
            "strategy": self.lightning_strategy(),
            "devices": self.processes,
            "num_nodes": self.nodes,
            "accelerator": "auto",
            "plugins": [*args.get("plugins", []), processes_exist()],
            "use_distributed_sampler": False,  # our sampler already gives each rank its share
        }

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        import torch.distributed as dist

        del model, history
        size = dist.get_world_size() if dist.is_initialized() else 1
        wanted = self.num_processes()
        return Evidence(acted=size == wanted, figures={"world_size": size}, expected=f"{wanted} processes")


def _is_address(rendezvous: str) -> bool:
    try:
        address_of(rendezvous)
    except ValueError:
        return False
    return True
