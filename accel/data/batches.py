"""From texts to batches: tokenized once, sorted within pools, filled to a token budget, never padded to max_length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from accel.data import Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MULTIPLE = 8
"""Lengths are padded to a multiple of this: odd sizes are slow, and fewer shapes are compiled."""
POOL_BATCHES = 100
TOKENIZE_AT_ONCE = 1000

Example = dict[str, Any]


@dataclass(frozen=True)
class Tokenized(Dataset[Example]):
    """A split as token ids of varying length."""

    input_ids: list[np.ndarray]
    labels: list[int]
    token_type_ids: list[np.ndarray] | None = None
    """Only for pairs, and only where the model tells the two texts apart by them."""
    num_truncated: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Example:
        example: Example = {"index": index, "input_ids": self.input_ids[index], "label": self.labels[index]}
        if self.token_type_ids is not None:
            example["token_type_ids"] = self.token_type_ids[index]
        return example

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each example."""
        return np.array([len(ids) for ids in self.input_ids], dtype=np.int64)

    def share(self, rank: int, world_size: int) -> Tokenized:
        """Every ``world_size``-th example: each process scores its own, none is scored twice."""
        types = self.token_type_ids[rank::world_size] if self.token_type_ids is not None else None
        return Tokenized(self.input_ids[rank::world_size], self.labels[rank::world_size], types)


def tokenize(split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Tokenized:
    """Token ids of every example, cut at ``max_length`` and counted, not padded."""
    pairs = bool(split.texts) and len(split.texts[0]) == 2
    ids: list[np.ndarray] = []
    types: list[np.ndarray] = []
    truncated = 0
    for start in range(0, len(split.texts), TOKENIZE_AT_ONCE):
        columns = [list(column) for column in zip(*split.texts[start : start + TOKENIZE_AT_ONCE], strict=True)]
        encoded = tokenizer(*columns, truncation=True, max_length=max_length)
        ids += [np.asarray(row, dtype=np.int32) for row in encoded["input_ids"]]
        truncated += sum(bool(e.overflowing) for e in encoded.encodings or ())
        if pairs and "token_type_ids" in encoded:
            types += [np.asarray(row, dtype=np.int32) for row in encoded["token_type_ids"]]
    return Tokenized(ids, list(split.labels), types or None, truncated)


def padded(length: int) -> int:
    """The length a batch is padded to when this is its longest example."""
    return -(-length // MULTIPLE) * MULTIPLE


class Collator:
    """Stacks examples: int64 ``input_ids`` and ``attention_mask`` [batch, tokens], ``labels`` [batch]."""

    def __init__(self, pad_token_id: int) -> None:
        self.pad_token_id = pad_token_id

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        lengths = [len(e["input_ids"]) for e in examples]
        width = padded(max(lengths))
        batch = {
            "input_ids": _stack([e["input_ids"] for e in examples], width, self.pad_token_id),
            "attention_mask": _stack([np.ones(n, dtype=np.int32) for n in lengths], width, 0),
            "labels": torch.tensor([e["label"] for e in examples]),
        }
        if "token_type_ids" in examples[0]:
            batch["token_type_ids"] = _stack([e["token_type_ids"] for e in examples], width, 0)
        return batch


def _stack(rows: Sequence[np.ndarray], width: int, fill: int) -> Tensor:
    table = np.full((len(rows), width), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return torch.from_numpy(table)


class TokenBudgetSampler(Sampler[list[int]]):
    """Batches of similar length: shuffle, cut into pools, sort each pool, fill batches, shuffle the batches.

    The order is a pure function of (seed, epoch, rank). Every rank gets the same number of batches in every epoch, so
    no rank waits for another; the number is fixed by the lengths alone, so that the number of steps is known.

    Args:
        lengths: tokens of each example.
        batch_tokens: largest padded size of a batch, or None to count examples.
        batch_size: examples per batch, or None to count tokens.
        seed: of the order.
        rank: which of the ``world_size`` shares.
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
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_tokens = batch_tokens
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.num_batches = self._count()
        """Per epoch and rank."""

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches(self.epoch))

    def batches(self, epoch: int) -> list[list[int]]:
        """This rank's batches of an epoch."""
        order = np.random.default_rng([self.seed, epoch])
        everything = self._fill(order.permutation(len(self.lengths)))
        total = self.num_batches * self.world_size
        everything = _cut(everything, total)
        return [everything[i] for i in order.permutation(len(everything))][self.rank :: self.world_size]

    def _count(self) -> int:
        """The number of batches of the first epoch; later ones are cut to the same number."""
        found = len(self._fill(np.random.default_rng([self.seed, 0]).permutation(len(self.lengths))))
        return max(1, -(-found // self.world_size))

    def _fill(self, shuffled: np.ndarray) -> list[list[int]]:
        mean = max(1, int(self._capacity(int(self.lengths.mean()))))
        pool_size = POOL_BATCHES * mean
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), pool_size):
            pool = shuffled[start : start + pool_size]
            batches += self._fill_pool(pool[np.argsort(self.lengths[pool], kind="stable")])
        return batches

    def _fill_pool(self, by_length: np.ndarray) -> list[list[int]]:
        batches: list[list[int]] = []
        current: list[int] = []
        for index in by_length.tolist():
            if current and len(current) >= self._capacity(int(self.lengths[index])):
                batches.append(current)
                current = []
            current.append(index)
        return [*batches, current] if current else batches

    def _capacity(self, length: int) -> int:
        """How many examples of this length fit one batch; at least one."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.batch_tokens is not None
        return max(1, self.batch_tokens // padded(length))


def _cut(batches: list[list[int]], wanted: int) -> list[list[int]]:
    """Split the largest or join the smallest batches until there are ``wanted``: every example stays, exactly once."""
    batches = list(batches)
    while len(batches) > wanted:
        batches.sort(key=len)
        batches[1] = batches[0] + batches[1]
        del batches[0]
    while len(batches) < wanted:
        batches.sort(key=len)
        largest = batches.pop()
        if len(largest) < 2:  # fewer examples than batches: one is seen twice rather than a rank left waiting
            return [*batches, largest, *[largest] * (wanted - len(batches) - 1)]
        batches += [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    return batches


class ResumableLoader(DataLoader[Any]):
    """A loader whose position is part of a checkpoint: epoch and batches already trained on.

    Lightning saves and restores it because it has ``state_dict`` and ``load_state_dict``. It has no workers: tokenized
    examples are only copied, and a worker would take one of the cores.
    """

    def __init__(self, data: Tokenized, sampler: TokenBudgetSampler, collator: Collator) -> None:
        super().__init__(data, batch_sampler=sampler, collate_fn=collator, num_workers=0)
        self.order = sampler
        self.epoch = 0
        self.batches_done = 0
        self.started = False

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        if self.started:
            self.epoch, self.batches_done = self.epoch + 1, 0
        self.started = True
        return self._from_here()

    def _from_here(self) -> Iterator[Any]:
        for indices in self.order.batches(self.epoch)[self.batches_done :]:
            self.batches_done += 1
            yield self.collate_fn([self.dataset[i] for i in indices])

    def state_dict(self) -> dict[str, int]:
        """Where training stands."""
        return {"epoch": self.epoch, "batches_done": self.batches_done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue there: the next iteration begins after the batches that were done."""
        self.epoch, self.batches_done = state["epoch"], state["batches_done"]
        self.started = False
        if self.batches_done >= len(self.order):
            self.epoch, self.batches_done = self.epoch + 1, 0


def in_order(data: Tokenized, batch_tokens: int, collator: Collator) -> Iterator[dict[str, Tensor]]:
    """All examples once, shortest first, in batches of a token budget: for evaluation."""
    batch: list[int] = []
    for index in np.argsort(data.lengths, kind="stable").tolist():
        if batch and (len(batch) + 1) * padded(int(data.lengths[index])) > batch_tokens:
            yield collator([data[i] for i in batch])
            batch = []
        batch.append(index)
    if batch:
        yield collator([data[i] for i in batch])


def padding_fraction(lengths: np.ndarray, batches: Sequence[Sequence[int]]) -> float:
    """Share of all computed tokens that are padding, in [0, 1)."""
    computed = sum(len(b) * padded(int(lengths[list(b)].max())) for b in batches)
    return 1.0 - float(sum(int(lengths[list(b)].sum()) for b in batches)) / computed
