"""A model's predictions of a split in one file, with all that comparing two models needs: no data, no objective."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from accel.behaviour.decisions import Decisions
from accel.behaviour.drift import paired_interval
from accel.behaviour.found import Found
from accel.behaviour.kept import Kept
from accel.behaviour.numbers import Numbers
from accel.behaviour.places import Places
from accel.behaviour.written import Written

KINDS: dict[str, type[Kept]] = {kind.__name__: kind for kind in (Decisions, Numbers, Places, Found, Written)}
KIND, PARTS = "kind", "parts"
"""Names in the file beside those of the columns."""


@dataclass(frozen=True)
class Stored:
    """Predictions, and what the quality is made of."""

    kept: Kept
    parts: np.ndarray | None = None
    """[examples, 2]: what each adds to the two sums whose ratio is the quality; None where it is no ratio."""

    def save(self, file: Path) -> None:
        """As one file, which ``read`` reads."""
        parts = {} if self.parts is None else {PARTS: self.parts}
        columns = {KIND: np.array(type(self.kept).__name__), **parts, **self.kept.arrays()}
        np.savez(file, **columns)

    @classmethod
    def read(cls, file: Path) -> Stored | None:
        """What was saved; None where there is no such file, or it holds something else."""
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            kind, parts = KINDS[str(arrays.pop(KIND))], arrays.pop(PARTS, None)
            whole = {len(rows) for rows in arrays.values()} == {len(arrays["examples"])}
            return cls(kind(**arrays), parts) if whole else None
        except (OSError, ValueError, TypeError, KeyError, BadZipFile):
            return None

    def pairs_with(self, other: Stored) -> bool:
        """Whether both are of the same predictions, row by row, and of the same kind."""
        return type(self.kept) is type(other.kept) and self.kept.pairs_with(other.kept)

    def change(self, before: Stored) -> dict[str, Any]:
        """How these differ from another model's, as the record has it; only where they pair."""
        found = self.kept.change(before.kept)
        if self.parts is None or before.parts is None or self.parts.shape != before.parts.shape:
            return found
        return found | {"difference_interval": list(paired_interval(before.parts, self.parts))}
