"""What is kept of a model's predictions on a split, so that two models can be compared one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from accel.core.metric import Metric


@dataclass(frozen=True)
class Kept(ABC):
    """One row for each prediction; a prediction is of a text, a word or a token."""

    examples: np.ndarray
    """int64 [rows]: the number of the example that each belongs to, from 0; in order."""
    truths: np.ndarray
    """[rows]: what was right."""

    def __post_init__(self) -> None:
        rows = {name: len(values) for name, values in self.arrays().items() if np.ndim(values)}
        if len(set(rows.values())) > 1:
            raise ValueError(f"predictions with columns of different lengths cannot be compared row by row: {rows}")

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Batches in any order as one; the rows of an example stay in their own order."""
        columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(cls)}
        order = np.argsort(np.concatenate(columns["examples"]), kind="stable")
        whole = {name: None if rows[0] is None else np.concatenate(rows)[order] for name, rows in columns.items()}
        return cls(**whole)  # type: ignore[arg-type]

    def pairs_with(self, other: Kept) -> bool:
        """Whether both are of the same predictions, row by row; another tokenizer makes other tokens."""
        return np.array_equal(self.examples, other.examples) and np.array_equal(self.truths, other.truths)

    @abstractmethod
    def change(self, before: Self) -> dict[str, Any]:
        """How these differ from another model's, in figures of the record."""

    def own(self) -> dict[str, float]:
        """What can be said of one model alone; nothing by default."""
        return {}

    def by_row(self) -> Mapping[Metric, np.ndarray]:
        """Scores [rows] that every prediction has by itself, by which groups are compared, the quality first.

        Nothing by default.
        """
        return {}

    def rows(self, chosen: np.ndarray) -> Self:
        """Some of them, by a mask."""
        return replace(self, **{name: values[chosen] for name, values in self.arrays().items()})

    def where(self, before: Self, names: Sequence[str], lengths: np.ndarray) -> dict[str, Any]:
        """Among which examples they differ: by the names of classes, and by tokens of each example; not by default."""
        del before, names, lengths
        return {}

    def temperature(self) -> float | None:
        """By which logits are divided so that these truths are likeliest; None where nothing is known of it."""
        return None

    def at(self, temperature: float) -> Self:
        """The same at another temperature; unchanged by default."""
        del temperature
        return self

    def save(self, file: Path) -> None:
        """As one file, which ``read`` reads."""
        np.savez(file, **self.arrays())

    def arrays(self) -> dict[str, Any]:
        """Its columns by name, without those that were not kept."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """What was saved; None where there is no such file, or it holds something else."""
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return cls(**{name: arrays[name] for name in arrays.files})
        except (OSError, ValueError, TypeError):
            return None
