"""Poisson sampling: every record joins a step's batch by its own coin, which is what the accountants assume.

A shuffled epoch is not that: claimed as Poisson, it leaks up to four times what is reported (arXiv 2411.10614).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accel.data.tokenized import RECORDS
from accel.dp.keystream import Keystream

Part = tuple[dict[str, Tensor], Tensor]
"""A physical batch, and [records] which of its records count."""


@dataclass
class LogicalBatch:
    """What one private step is made of, on one process."""

    parts: list[Part]
    """Physical batches and, for each, which of its records count (1) and which only fill it (0). Where records have
    several rows, the batch says which rows are whose (``RECORDS``); else each row is one."""
    canaries: list[int] = field(default_factory=list)
    """Numbers of the canaries whose coin fell; they are records too, of nobody."""


class PoissonLoader:
    """Logical batches of this process's share of the records.

    Records are dealt out to processes by their index, and each process throws the coins of its own share, so the union
    is a Poisson sample of all. A process that draws nothing yields one batch of a row that counts nothing: the step
    happens, with noise only, and is charged. Inside a logical batch records are sorted by length, which changes
    nothing, because all clipped gradients of a step are added up. All rows of a record are in one physical batch,
    however many they are: its gradient is their sum, and is clipped once.

    Args:
        data: gives an example for an index.
        lengths: tokens of each row.
        collate: makes a batch of examples.
        sample_rate: probability of each record, in (0, 1].
        steps: logical batches per epoch.
        physical_batch_size: most rows that are computed at once, unless one record has more.
        records: int64 [rows], whose rows they are, never falling; each row is a record when absent.
        canaries: how many canaries throw a coin behind the records.
        test_seed: draws that can be repeated, for tests; without one, the system's entropy, kept nowhere.
    """

    def __init__(
        self,
        data: Any,
        lengths: np.ndarray,
        collate: Callable[[Sequence[Any]], dict[str, Tensor]],
        *,
        sample_rate: float,
        steps: int,
        physical_batch_size: int,
        records: np.ndarray | None = None,
        rank: int = 0,
        world_size: int = 1,
        canaries: int = 0,
        test_seed: int | None = None,
    ) -> None:
        self.data = data
        self.records = records
        self.starts = np.flatnonzero(np.diff(np.arange(len(lengths)) if records is None else records, prepend=-1))
        """The first row of each record."""
        self.sizes = np.diff(self.starts, append=len(lengths))
        """How many rows each record has."""
        self.lengths = np.maximum.reduceat(lengths, self.starts)
        """Tokens of the longest row of each record."""
        self.collate = collate
        self.sample_rate = sample_rate
        self.steps = steps
        self.physical_batch_size = physical_batch_size
        self.rank = rank
        self.world_size = world_size
        self.canaries = canaries
        self.test_seed = test_seed
        self.drawn = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[LogicalBatch]:
        for _ in range(self.steps - self.drawn % self.steps):
            self.drawn += 1
            yield self.batch(self.draw())

    def draw(self) -> np.ndarray:
        """Indices of the records that join the next batch; canaries come after the last record."""
        everything = len(self.lengths) + self.canaries
        share = np.arange(self.rank, everything, self.world_size)
        return share[self._coins(everything, share) < self.sample_rate]

    def _coins(self, everything: int, share: np.ndarray) -> np.ndarray:
        if self.test_seed is None:  # a key for every draw: privacy is amplified only while nobody knows who joined
            return Keystream().coins(len(share))
        return Keystream((self.test_seed, self.drawn)).coins(everything)[share]  # one union on any number of processes

    def batch(self, indices: np.ndarray) -> LogicalBatch:
        """The records in physical batches of similar length."""
        canaries = (indices[indices >= len(self.lengths)] - len(self.lengths)).tolist()
        indices = indices[indices < len(self.lengths)]
        if not len(indices):
            return LogicalBatch([(self._rows([self.rank]), torch.zeros(1))], canaries)
        ordered = indices[np.argsort(self.lengths[indices], kind="stable")].tolist()
        return LogicalBatch([(self._rows(part), torch.ones(len(part))) for part in self._parts(ordered)], canaries)

    def _parts(self, records: Sequence[int]) -> Iterator[list[int]]:
        """Whole records, as many at once as have no more rows than fit."""
        part: list[int] = []
        rows = 0
        for record in records:
            if part and rows + self.sizes[record] > self.physical_batch_size:
                yield part
                part, rows = [], 0
            part.append(record)
            rows += int(self.sizes[record])
        yield part

    def _rows(self, records: Sequence[int]) -> dict[str, Tensor]:
        """The batch of all rows of some records."""
        rows = [range(self.starts[r], self.starts[r] + self.sizes[r]) for r in records]
        batch = self.collate([self.data[row] for of_one in rows for row in of_one])
        if self.records is None:
            return batch
        return {**batch, RECORDS: torch.arange(len(records)).repeat_interleave(torch.tensor([len(r) for r in rows]))}

    def state_dict(self) -> dict[str, int]:
        """How many batches were drawn; never what was drawn."""
        return {"drawn": self.drawn}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on with as many left in the epoch; the draws are fresh."""
        self.drawn = state["drawn"]
