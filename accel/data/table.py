"""A file of examples as columns, whatever its format; no torch, no pandas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accel.data.spelling import plain
from accel.errors import DataError, did_you_mean

ABSENT = object()
"""What a line of JSON has under a key that it lacks."""
LONGEST_NAME_WORDS = 3


@dataclass(frozen=True)
class Table:
    """Rows of a file; ``rows[i]`` stands at ``lines[i]`` (1-based; the row number in a Parquet file).

    ``columns`` are all that the file has; the rows may hold those alone that were asked for.
    """

    path: Path
    columns: list[str]
    rows: Sequence[Mapping[str, Any]]
    lines: list[int]
    notes: list[str] = field(default_factory=list)
    """What was found in the file that its owner may not expect."""
    nameless: int = 0
    """Columns behind the last that the header names: they hold something, and are not read."""

    def column(self, name: str, key: str) -> list[Any]:
        """The values of one column; spaces around its name do not count.

        Raises:
            DataError: there is no such column, names the nearest; or there are two, or a row lacks it.
        """
        found = self.name_of(name)
        if found is None:
            raise DataError(
                f"{key}={name}: {self.path.name} has no column {name!r}. {self._meant(name)} "
                f"Its columns are: {', '.join(map(repr, self.columns))}.{_headless(self.columns)}"
            )
        if (count := self.columns.count(found)) > 1:
            raise DataError(f"{self.path}, header: the column {found!r} stands there {count} times. Rename one.")
        values = [row.get(found, ABSENT) for row in self.rows]
        if ABSENT in values:
            line = self.lines[values.index(ABSENT)]
            raise DataError(f"{self.path}, line {line} has no key {found!r}, which other lines have. Add it.")
        return values

    def name_of(self, name: str) -> str | None:
        """The column that is meant, as the file spells it; None where there is none."""
        if name in self.columns:
            return name
        return next((c for c in self.columns if plain(c) == plain(name)), None)

    def _meant(self, name: str) -> str:
        """Columns that differ only in case come first: similarity ranks them last."""
        same = [c for c in self.columns if plain(c).casefold() == plain(name).casefold()]
        return did_you_mean(same[0] if same else name, same or self.columns)


class Columns(Sequence[Mapping[str, Any]]):
    """Rows that are kept column by column, which takes a third of the memory."""

    def __init__(self, names: Sequence[str]) -> None:
        self.values: dict[str, list[Any]] = {name: [] for name in names}

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), []))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return {name: values[index] for name, values in self.values.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


Asked = Collection[str] | None
"""The columns that are wanted; None for all."""
Reader = Callable[[Path, Asked, int | None], Table]
"""(file, the columns that are wanted, how many rows at most) -> its table; see ``accel/data/read_table.py``."""


def wanted(name: str, asked: Asked) -> bool:
    """Whether a column is one of those that are asked for; spaces around its name do not count."""
    return asked is None or plain(name) in {plain(one) for one in asked}


def _headless(columns: Sequence[str]) -> str:
    """What to do where the first line was an example: texts are longer than names."""
    if not any(len(name.split()) > LONGEST_NAME_WORDS for name in columns):
        return ""
    return " If that is an example already, the file has no header: put a line with names above it."
