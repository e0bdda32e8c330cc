"""The batches of evaluation: every example once, shortest first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from accel.data.collate import padded
from accel.data.tokenized import Collate, Tokenized


def evaluation_order(data: Tokenized) -> np.ndarray:
    """[examples]: their numbers, shortest first, as they are scored."""
    return np.argsort(data.lengths, kind="stable")


def in_order(data: Tokenized, batch_tokens: int, collator: Collate) -> Iterator[dict[str, Tensor]]:
    """All examples once, shortest first, in batches of a token budget: for evaluation."""
    batch: list[int] = []
    for index in evaluation_order(data).tolist():
        if batch and (len(batch) + 1) * padded(int(data.lengths[index])) > batch_tokens:
            yield collator([data[i] for i in batch])
            batch = []
        batch.append(index)
    if batch:
        yield collator([data[i] for i in batch])
