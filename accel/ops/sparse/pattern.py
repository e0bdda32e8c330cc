"""Where a mask's zeros may lie: anywhere, N of every M neighbours, or whole blocks. Imports no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass

GRAMMAR = "unstructured, N:M with N smaller than M, or ROWSxCOLUMNS"


@dataclass(frozen=True)
class Pattern:
    """Which weights go together, and among which is chosen."""

    rows: int = 1
    columns: int = 1
    """A tile of so many rows and columns goes as one."""
    neighbours: int | None = None
    """Weights of one row that are chosen among together; None for a whole matrix."""
    kept: int | None = None
    """How many of the ``neighbours`` stay."""

    @classmethod
    def parse(cls, text: str) -> Pattern | None:
        """``unstructured``, ``2:4`` or ``32x32``; None for anything else."""
        if text == "unstructured":
            return cls()
        found = re.fullmatch(r"([1-9]\d{0,3})([:x])([1-9]\d{0,3})", text)
        if found is None:
            return None
        first, second = int(found[1]), int(found[3])
        if found[2] == "x":
            return cls(rows=first, columns=second) if first * second > 1 else None
        return cls(neighbours=second, kept=first) if first < second else None

    @property
    def sparsity(self) -> float | None:
        """The share of zeros that the pattern itself demands; None where it is free."""
        return None if self.neighbours is None or self.kept is None else 1 - self.kept / self.neighbours

    @property
    def structured(self) -> bool:
        """Whether the zeros must keep their places relative to each other."""
        return self != Pattern()

    def fits(self, rows: int, columns: int) -> bool:
        """Whether a matrix of this shape can be cut into it."""
        return rows % self.rows == 0 and columns % self.columns == 0 and columns % (self.neighbours or 1) == 0


TWO_OF_FOUR = Pattern(neighbours=4, kept=2)
"""What NVIDIA's tensor cores can make use of."""
