"""Examples as the rest of accel sees them; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Split:
    """Some examples: ``texts[i]`` holds one or two strings, ``labels[i]`` what the objective learns of them.

    That is the index of a label, a number, a list of either; or there are no labels at all. Behind the two texts of a
    pair may stand others that do not belong to it.
    """

    texts: list[tuple[str, ...]]
    labels: list[Any]
    owners: list[str] = field(default_factory=list)
    """Whose each example is; none where the task does not say."""
    strata: Mapping[str, list[str]] = field(default_factory=dict)
    """By each column of ``task.group``, the group of each example."""

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def num_bytes(self) -> int:
        """Of all texts in UTF-8."""
        return sum(len(text.encode()) for texts in self.texts for text in texts)


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits over one list of labels, and what happened to the rows on the way."""

    train: Split
    validation: Split
    test: Split
    label_names: list[str]
    fingerprint: str
    """sha256 over the splits and the labels: equal data, equal fingerprint."""
    dropped: int = 0
    duplicates: int = 0
    draws: int = 1
    """How often the splits were drawn; once: where a row goes depends on nothing but its text and the seed."""
    notes: list[str] = field(default_factory=list)
    """What a user should know: class imbalance, dropped rows, overlap between files."""
    unlabelled: Split | None = None
    """Texts that a teacher may answer: in none of the splits, and without labels."""

    def said(self, label: Any) -> str:
        """A label in words: its name where labels have names."""
        if isinstance(label, list | tuple):
            return " ".join(map(self.said, label))
        return self.label_names[label] if self.label_names and isinstance(label, int) else str(label)
