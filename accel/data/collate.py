"""Examples stacked to a batch, which is padded to a multiple of eight and never to max_length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from accel.data.tokenized import Example
from accel.data.tokens import IGNORED
from accel.ops.inputs import IMPORTANCE

MULTIPLE = 8
"""Lengths are padded to a multiple of this: odd sizes are slow, and fewer shapes are compiled."""
Tokens = TypeVar("Tokens", int, np.ndarray)
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


def padded(length: Tokens) -> Tokens:
    """The length a batch is padded to when this is its longest example; elementwise for an array of lengths."""
    return -(-length // MULTIPLE) * MULTIPLE


def padded_targets(examples: Sequence[Example], input_ids: Tensor) -> Tensor:
    """[batch, tokens]: each example's ``targets``, one for each of its tokens; ``IGNORED`` after its last one."""
    made = torch.full_like(input_ids, IGNORED)
    for row, example in zip(made, examples, strict=True):
        row[: len(example["targets"])] = torch.from_numpy(example["targets"].astype(np.int64))
    return made


def _stack(rows: Sequence[np.ndarray], width: int, fill: int) -> Tensor:
    table = np.full((len(rows), width), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return torch.from_numpy(table)
