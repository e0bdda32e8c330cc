"""A split as token ids of varying length: how texts are tokenized, once, and what stands beside their tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from accel.data import Split
from accel.data.tokens import Encoded, Ragged
from accel.ops.inputs import IMPORTANCE

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

TOKENIZE_AT_ONCE = 1000
RECORDS = "records"
"""Key of a private batch whose records have several rows: int64 [rows], the record of each, counted from 0."""

Example = dict[str, Any]
Collate = Callable[[Sequence[Example]], dict[str, Tensor]]
"""examples -> a batch; see ``Collator``."""


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
