"""Who takes part in a round, and which process trains whom; a pure function of the seed and the round."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cohort:
    """Every client joins a round by its own coin (Poisson sampling), and may then fail to answer."""

    clients: int
    """How many there are."""
    expected: float
    """How many are asked per round on average."""
    drop: float
    """Share of those that are asked and do not answer."""
    seed: int

    def asked(self, number: int) -> np.ndarray:
        """Clients of a round, in rising order; where all coins fall against it, the one that came nearest."""
        return self._won(number, 0, np.arange(self.clients), self.expected / self.clients)

    def answering(self, number: int) -> np.ndarray:
        """Those of them that send an update; at least one."""
        return self._won(number, 1, self.asked(number), 1 - self.drop)

    def of(self, number: int, asked: np.ndarray) -> np.ndarray:
        """Those of any who were asked that send an update; each by its own coin alone, so there may be none."""
        return asked[self._coins(number, 1)[asked] < 1 - self.drop]

    def _coins(self, number: int, toss: int) -> np.ndarray:
        return np.random.default_rng([self.seed, number, toss]).random(self.clients)

    def _won(self, number: int, toss: int, clients: np.ndarray, rate: float) -> np.ndarray:
        coins = self._coins(number, toss)[clients]
        won = clients[coins < rate]
        return won if len(won) else clients[[int(np.argmin(coins))]]


def dealt(clients: Sequence[int], work: Sequence[float], rank: int, world_size: int) -> list[int]:
    """The clients that a process trains: the longest work first, always to the process that has least of it.

    Args:
        work: of each client, in any unit.
    """
    loads = [(0.0, process) for process in range(world_size)]
    mine = []
    for amount, client in sorted(zip(work, clients, strict=True), key=lambda pair: (-pair[0], pair[1])):
        load, process = heapq.heappop(loads)
        heapq.heappush(loads, (load + amount, process))
        if process == rank:
            mine.append(int(client))
    return sorted(mine)
