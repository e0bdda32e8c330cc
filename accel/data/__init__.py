"""Examples as the rest of accel sees them; nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Split:
    """Some examples: ``texts[i]`` holds one or two strings, ``labels[i]`` an index into the labels."""

    texts: list[tuple[str, ...]]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.labels)


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
    notes: list[str] = field(default_factory=list)
    """What a user should know: class imbalance, dropped rows, overlap between files."""
