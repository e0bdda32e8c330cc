"""Which examples of training make a batch: grouped by length, filled to a token budget, in an order drawn by a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from accel.data.collate import padded


class TokenBudgetSampler(Sampler[list[int]]):
    """Batches of one padded length: shuffle, group by length, fill, pack what is left over, shuffle the batches.

    The order is a pure function of (seed, epoch, rank). How many batches there are follows from the lengths alone, so
    every epoch and every rank has the same number: the number of steps is known, and no rank waits for another. An
    optimizer step consists of the same batches whether ranks share them out or one rank takes them one after the other.

    Args:
        lengths: tokens of each example.
        batch_tokens: largest padded size of a batch, or None to count examples.
        batch_size: examples per batch, or None to count tokens.
        seed: of the order.
        rank: which of the ``world_size`` shares.
        accumulate: batches that each rank adds up to one optimizer step.
        counts: predictions of each example, of which the loss is the mean; one each when absent.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        *,
        batch_tokens: int | None,
        batch_size: int | None,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
        counts: np.ndarray | None = None,
    ) -> None:
        self.widths = padded(np.asarray(lengths, dtype=np.int64))
        self.batch_tokens = batch_tokens
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.accumulate = accumulate
        self.counts = np.ones(len(self.widths)) if counts is None else counts
        self.epoch = 0
        found = len(self._fill(np.arange(len(self.widths))))
        self.num_steps = -(-found // (world_size * accumulate))
        """Optimizer steps per epoch."""
        self.num_batches = self.num_steps * accumulate
        """Per epoch and rank."""

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches(self.epoch))

    @property
    def sampler(self) -> TokenBudgetSampler:
        """Itself: Lightning looks here for something whose epoch it can set."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration."""
        self.epoch = epoch

    def batches(self, epoch: int) -> list[list[int]]:
        """This rank's batches of an epoch."""
        return self._everything(epoch)[self.rank :: self.world_size]

    def weighted(self, epoch: int) -> list[tuple[list[int], float]]:
        """The same with what the mean over each batch counts in the mean over its optimizer step.

        The weights of a step have the mean 1 over ranks and accumulated batches, so that averaging the weighted means,
        as every strategy does, gives the mean over all of the step's predictions however unequal its batches are.
        """
        everything = self._everything(epoch)
        sizes = np.array([self.counts[batch].sum() for batch in everything], dtype=np.float64)
        per_step = sizes.reshape(self.num_steps, -1)
        weights = (per_step / per_step.mean(axis=1, keepdims=True)).ravel()
        pairs = list(zip(everything, weights.tolist(), strict=True))
        return pairs[self.rank :: self.world_size]

    def _everything(self, epoch: int) -> list[list[int]]:
        """The batches of all ranks, step by step."""
        order = np.random.default_rng([self.seed, epoch])
        total = self.num_batches * self.world_size
        everything = _split_up(self._fill(order.permutation(len(self.widths))), total)
        return [everything[i] for i in order.permutation(total)]

    def _fill(self, shuffled: np.ndarray) -> list[list[int]]:
        batches: list[list[int]] = []
        left_over: list[int] = []
        for width in np.unique(self.widths).tolist():
            members = shuffled[self.widths[shuffled] == width].tolist()
            size = self._capacity(width)
            full = len(members) // size * size
            batches += [members[i : i + size] for i in range(0, full, size)]
            left_over += members[full:]
        return batches + self._pack(left_over)

    def _pack(self, by_width: list[int]) -> list[list[int]]:
        """Batches of mixed lengths, each padded to the length of its last example."""
        batches: list[list[int]] = []
        current: list[int] = []
        for index in by_width:
            if len(current) >= self._capacity(int(self.widths[index])):
                batches.append(current)
                current = []
            current.append(index)
        return [*batches, current] if current else batches

    def _capacity(self, width: int) -> int:
        """How many examples of this padded length fit one batch; at least one."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.batch_tokens is not None
        return max(1, self.batch_tokens // width)


def padding_fraction(lengths: np.ndarray, batches: Sequence[Sequence[int]]) -> float:
    """Share of all computed tokens that are padding, in [0, 1)."""
    computed = sum(len(b) * padded(int(lengths[list(b)].max())) for b in batches)
    return 1.0 - float(sum(int(lengths[list(b)].sum()) for b in batches)) / computed


def _split_up(batches: list[list[int]], wanted: int) -> list[list[int]]:
    """Halve the largest batches until there are ``wanted``: every example stays, exactly once."""
    batches = list(batches)
    while len(batches) < wanted:
        largest = max(range(len(batches)), key=lambda i: len(batches[i]))
        half = len(batches[largest]) // 2
        if half == 0:  # fewer examples than batches: one is seen twice rather than a rank left waiting
            batches.append(batches[largest])
        else:
            batches.append(batches[largest][:half])
            batches[largest] = batches[largest][half:]
    return batches
