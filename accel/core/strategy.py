"""How the work is spread over processes and devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.technique import Stage, Technique

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from accel.core.facts import Cohorts
    from accel.forecast.spread import Spread


@dataclass(kw_only=True)
class Strategy(Technique):
    """Base of every option of the group ``strategy``."""

    group: ClassVar[str] = "strategy"
    stage: ClassVar[Stage] = Stage.DISTRIBUTE
    saves_parts: ClassVar[bool] = False
    """Whether every process writes its part of a checkpoint into the run's folder, which all machines have to see."""

    holds_whole_models: ClassVar[bool] = False
    """Whether each of several processes holds the whole model, so that one of them can try a step of all."""

    trains_locally: ClassVar[bool] = False
    """Whether what reaches the optimizer is an update that was trained beforehand, not a gradient to be bounded."""

    def planned_steps(self) -> int | None:
        """Optimizer steps of a whole run, where the strategy counts them; else the trainer does."""
        return None

    def cohorts(self, owners: Sequence[str]) -> Cohorts | None:
        """Who trains in a round, where the examples stay at their owners; None where they are pooled.

        Args:
            owners: of the training examples, where the task says so.
        """
        del owners
        return None

    def clients_of(self, split: Any, seed: int, *, trains: bool = False) -> Mapping[str, np.ndarray]:
        """Whose examples of a split are where, by the client's name; nobody's where all are pooled.

        Args:
            trains: whether it is the split that clients train on.
        """
        del split, seed, trains
        return {}

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

    def local_processes(self) -> int:
        """How many of them share one machine."""
        return 1
