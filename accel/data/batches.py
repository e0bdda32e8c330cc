"""From texts to batches: tokenized once, grouped by length, filled to a token budget, never padded to max_length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from accel.data import Split
from accel.data.tokens import IGNORED, Encoded, Ragged
from accel.ops.inputs import IMPORTANCE

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

MULTIPLE = 8
"""Lengths are padded to a multiple of this: odd sizes are slow, and fewer shapes are compiled."""
TOKENIZE_AT_ONCE = 1000
WEIGHT = "weight"
"""Key of a training batch: what its mean counts in the mean over the optimizer step."""
DRAW = "draw"
"""Key of a training example: (seed, epoch), for an objective that changes examples by chance."""
RECORDS = "records"
"""Key of a private batch whose records have several rows: int64 [rows], the record of each, counted from 0."""

Example = dict[str, Any]
Tokens = TypeVar("Tokens", int, np.ndarray)


@dataclass(frozen=True)
class Tokenized(Dataset[Example]):
    """A split as token ids of varying length."""

    input_ids: Ragged
    labels: list[Any]
    """One each, whatever the objective makes of it, or none at all where the tokens themselves are predicted."""
    token_type_ids: Ragged | None = None
    """Only for pairs, and only where the model tells the two texts apart by them."""
    num_truncated: int = 0
    num_lost: int = 0
    """Texts that have no row: of which nothing is left to predict."""
    num_bytes: int = 0
    """Of the texts in UTF-8, where the tokens themselves are predicted."""
    targets: Ragged | None = None
    """One for each token, or as many for each, where the objective makes them as it tokenizes."""
    records: np.ndarray | None = None
    """int64 [rows]: whose rows they are, where a text makes several; else each row is one record."""
    owners: Sequence[str] = ()
    """One for each example, where the task says whose it is."""
    strata: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By each column of ``task.group``, the group of each example."""
    importance: np.ndarray | None = None
    """float32 [examples], with the mean 1: what each counts in the loss; None where all count the same."""
    texts: Sequence[tuple[str, ...]] = ()
    """Of each example, for an objective that scores texts."""
    numbers: np.ndarray | None = None
    """int64 [examples]: of each in the whole split, where this is a part of one."""

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: int) -> Example:
        number = index if self.numbers is None else int(self.numbers[index])
        example: Example = {"index": number, "input_ids": self.input_ids[index]}
        if self.labels:
            example["label"] = self.labels[index]
        if self.token_type_ids is not None:
            example["token_type_ids"] = self.token_type_ids[index]
        if self.targets is not None:
            example["targets"] = self.targets[index]
        if self.importance is not None:
            example[IMPORTANCE] = self.importance[index]
        return example

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each example."""
        return self.input_ids.lengths

    @property
    def num_records(self) -> int:
        """Texts, or pairs, that the rows are made of."""
        return len(self) if self.records is None else int(self.records[-1]) + 1 if len(self) else 0

    def with_unlabelled(self, others: Tokenized) -> Tokenized:
        """And texts of which nobody knows the label, which count 0 in the loss; the mean over all stays 1."""
        types = (self.token_type_ids, others.token_type_ids)
        counts = np.ones(len(self), np.float32) if self.importance is None else self.importance
        counts = counts * np.float32((len(self) + len(others)) / len(self))
        return Tokenized(
            Ragged.of([*self.input_ids, *others.input_ids]),
            [*self.labels, *[self.labels[0]] * len(others)],
            Ragged.of([row for rows in types for row in rows or ()]) if types[0] is not None else None,
            importance=np.concatenate([counts, np.zeros(len(others), np.float32)]),
        )

    def part(self, rows: np.ndarray) -> Tokenized:
        """Some of the examples, to train on."""
        types, targets = (
            Ragged.of([column[i] for i in rows]) if column is not None else None
            for column in (self.token_type_ids, self.targets)
        )
        return Tokenized(
            Ragged.of([self.input_ids[i] for i in rows]),
            [self.labels[i] for i in rows] if self.labels else [],
            types,
            targets=targets,
            importance=self.importance[rows] if self.importance is not None else None,
        )

    def share(self, rank: int, world_size: int) -> Tokenized:
        """Every ``world_size``-th example: each process scores its own, none is scored twice."""
        some = slice(rank, None, world_size)
        types, targets = (rows[some] if rows is not None else None for rows in (self.token_type_ids, self.targets))
        numbers = np.arange(len(self)) if self.numbers is None else self.numbers
        return Tokenized(self.input_ids[some], self.labels[some], types, targets=targets, numbers=numbers[some])


def tokenize(split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """Token ids of every example, cut at ``max_length`` and counted, not padded."""
    pairs = bool(split.texts) and len(split.texts[0]) == 2
    ids: list[list[int]] = []
    types: list[list[int]] = []
    truncated = 0
    for start in range(0, len(split.texts), TOKENIZE_AT_ONCE):
        texts = split.texts[start : start + TOKENIZE_AT_ONCE]
        encoded = _encode(tokenizer, texts, truncation=True, max_length=max_length)
        ids += encoded["input_ids"]
        truncated += _num_truncated(texts, encoded, tokenizer, max_length)
        if pairs and "token_type_ids" in encoded:
            types += encoded["token_type_ids"]
    return Encoded(Ragged.of(ids), Ragged.of(types) if types else None, truncated)


def _encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, ...]], **options: Any) -> BatchEncoding:
    first, *second = [list(column) for column in zip(*texts, strict=True)]
    return tokenizer(first, text_pair=second[0] if second else None, **options)


def _num_truncated(
    texts: Sequence[tuple[str, ...]], encoded: BatchEncoding, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> int:
    if encoded.encodings:
        return sum(bool(e.overflowing) for e in encoded.encodings)
    # Tokenizers written in Python do not say what they cut off: what fills max_length is measured uncut.
    full = [text for text, ids in zip(texts, encoded["input_ids"], strict=True) if len(ids) == max_length]
    uncut = _encode(tokenizer, full, truncation=False)["input_ids"] if full else ()
    return sum(len(ids) > max_length for ids in uncut)


def padded_targets(examples: Sequence[Example], input_ids: Tensor) -> Tensor:
    """[batch, tokens]: each example's ``targets``, one for each of its tokens; ``IGNORED`` after its last one."""
    made = torch.full_like(input_ids, IGNORED)
    for row, example in zip(made, examples, strict=True):
        row[: len(example["targets"])] = torch.from_numpy(example["targets"].astype(np.int64))
    return made


def padded(length: Tokens) -> Tokens:
    """The length a batch is padded to when this is its longest example; elementwise for an array of lengths."""
    return -(-length // MULTIPLE) * MULTIPLE


Targets = Callable[[Sequence[Example], Tensor, Tensor], Tensor]
"""(examples, input_ids, attention_mask) -> labels; see ``Objective.targets``."""


Rows = Callable[[Sequence[Example]], Sequence[Example]]
"""examples -> what the network reads of them; see ``Objective.rows``."""


More = Callable[[Tensor], dict[str, Tensor]]
"""labels -> what else the network reads; see ``Objective.more``."""


class Collator:
    """Stacks examples: int64 ``input_ids`` and ``attention_mask`` [batch, tokens], and ``labels``."""

    def __init__(
        self,
        pad_token_id: int,
        targets: Targets,
        rows: Rows = lambda examples: examples,
        more: More = lambda labels: {},
    ) -> None:
        self.pad_token_id = pad_token_id
        self.targets = targets
        self.rows = rows
        self.more = more

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        examples = self.rows(examples)
        lengths = [len(e["input_ids"]) for e in examples]
        width = padded(max(lengths))
        input_ids = _stack([e["input_ids"] for e in examples], width, self.pad_token_id)
        mask = _stack([np.ones(n, dtype=np.int32) for n in lengths], width, 0)
        labels = self.targets(examples, input_ids, mask)
        batch = {"input_ids": input_ids, "attention_mask": mask, "labels": labels, **self.more(labels)}
        if "token_type_ids" in examples[0]:
            batch["token_type_ids"] = _stack([e["token_type_ids"] for e in examples], width, 0)
        if IMPORTANCE in examples[0]:
            batch[IMPORTANCE] = torch.tensor([e[IMPORTANCE] for e in examples])
        return batch


def _stack(rows: Sequence[np.ndarray], width: int, fill: int) -> Tensor:
    table = np.full((len(rows), width), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return torch.from_numpy(table)


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


class ResumableLoader(DataLoader[Any]):
    """A loader whose position is part of a checkpoint: epoch and batches already trained on.

    An iteration goes on where the last one stopped, up to the end of the epoch, so what is trained on is a function of
    the number of steps alone. Lightning saves and restores the position because of ``state_dict`` and
    ``load_state_dict``. There are no workers: tokenized examples are only copied, and a worker would take a core.
    """

    def __init__(self, data: Tokenized, sampler: TokenBudgetSampler, collator: Collator) -> None:
        super().__init__(data, batch_sampler=sampler, collate_fn=collator, num_workers=0)
        self.order = sampler
        self.epoch = 0
        self.batches_done = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # Nothing here runs before the first batch is asked for: Lightning makes iterators that it never uses, and
        # resumes an epoch that was complete by an epoch of one batch. Neither may shift the order.
        if self.batches_done >= len(self.order):
            self.epoch, self.batches_done = self.epoch + 1, 0
        elif self.batches_done == 0:
            # Counting epochs, Lightning restores no loader from the end of one; it only sets the sampler's epoch.
            self.epoch = max(self.epoch, self.order.epoch)
        for indices, weight in self.order.weighted(self.epoch)[self.batches_done :]:
            self.batches_done += 1
            draw = {DRAW: (self.order.seed, self.epoch)}
            yield self.collate_fn([self.dataset[i] | draw for i in indices]) | {WEIGHT: weight}

    def state_dict(self) -> dict[str, int]:
        """Where training stands, in optimizer steps, which are the same however many processes take their batches.

        Lightning fetches nothing ahead from a loader of known length.
        """
        return {"epoch": self.epoch, "steps_done": self.batches_done // self.order.accumulate}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue there: the next iteration begins after the batches of the steps that were done."""
        self.epoch, self.batches_done = state["epoch"], state["steps_done"] * self.order.accumulate


def evaluation_order(data: Tokenized) -> np.ndarray:
    """[examples]: their numbers, shortest first, as they are scored."""
    return np.argsort(data.lengths, kind="stable")


def in_order(data: Tokenized, batch_tokens: int, collator: Collator) -> Iterator[dict[str, Tensor]]:
    """All examples once, shortest first, in batches of a token budget: for evaluation."""
    batch: list[int] = []
    for index in evaluation_order(data).tolist():
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
