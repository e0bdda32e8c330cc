"""What the record says of training examples that do not all count the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accel.data.balance import told
from accel.data.tokenized import Tokenized


def balance_of(train: Tokenized, label_names: Sequence[str]) -> list[dict[str, Any]] | None:
    """By group and label, how many examples there are and what each counts; None where all count the same."""
    if train.importance is None:
        return None
    labels = [str(label_names[label]) for label in train.labels]
    return told(train.importance, labels, next(iter(train.strata.values()), ()))
