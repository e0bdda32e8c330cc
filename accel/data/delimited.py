"""Rows of a file whose cells are set apart by a separator: CSV as RFC 4180 has it, TSV, which knows no quotes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from accel.data.lines import lines_of
from accel.errors import DataError

LONGEST_CELL = 50_000_000
SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
FEW_VALUES = 64
SAMPLE_LINES = 50
SAMPLE_WIDTH = 10_000


@dataclass
class Record:
    """One row, and the lines that it stands on, the first of which is number ``line``."""

    line: int
    cells: list[str]
    text: list[str] = field(default_factory=list)


class Repeated:
    """What stands in the columns that have few values, as a column of labels does."""

    def __init__(self, num_columns: int) -> None:
        self._values: dict[int, set[str]] = {number: set() for number in range(num_columns)}
        self._num_columns = num_columns

    def add(self, cells: Sequence[str]) -> None:
        """Another row."""
        for number, values in list(self._values.items()):
            values.add(cells[number])
            if len(values) > FEW_VALUES:
                del self._values[number]

    def knows(self, cells: Sequence[str], places: Iterable[int]) -> bool:
        """Whether this could be a row: as wide as others, and one of these cells repeats theirs."""
        if len(cells) != self._num_columns:
            return False
        return any(cells[n].strip('"') in self._values.get(n, ()) for n in places if cells[n].strip('"'))


@dataclass
class Delimited:
    """A file that is read row by row.

    ``quoted`` says whether a quote opens a cell that may hold separators and line ends.
    """

    file: Path
    separator: str
    quoted: bool
    _lines: Iterator[str]
    _skipped: int = 0
    """Lines before the header."""

    @staticmethod
    def of(file: Path, usual: str) -> Delimited:
        """The file with the separator that it has, which need not be the usual one of its format.

        Raises:
            DataError: it is no text.
        """
        csv.field_size_limit(LONGEST_CELL)
        lines = lines_of(file)
        first = list(islice(lines, SAMPLE_LINES))
        told = first[0].strip() if first else ""
        if told.startswith("sep=") and len(told) == len("sep=") + 1:  # how Excel writes it down
            return Delimited(file, told[-1], True, chain(first[1:], lines), 1)
        plain = usual == "\t" and "\t" in (first or [""])[0]
        return Delimited(file, usual if plain else _separator(first, usual), not plain, chain(first, lines))

    def records(self) -> Iterator[Record]:
        """The rows that are not blank, header first.

        Raises:
            DataError: a quote is not closed, or something follows it.
        """
        taken: list[str] = []
        reader = csv.reader(self._kept(taken), **_dialect(self.separator, self.quoted))
        line = self._skipped + 1
        try:
            for cells in reader:
                if cells or line == self._skipped + 1:
                    yield Record(line, cells, list(taken) if len(taken) > 1 else [])
                taken.clear()
                line = self._skipped + reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{self.file}, line {line}: {error}. {_remedy(taken)}") from None

    def _kept(self, taken: list[str]) -> Iterator[str]:
        for line in self._lines:
            taken.append(line)
            yield line

    def split(self, line: str) -> list[str]:
        """A line as if no quote had been opened before it."""
        return line.rstrip("\r\n").split(self.separator)

    def check_quotes(self, record: Record, seen: Repeated) -> None:
        """Of a cell that spans lines: that it does not hold rows.

        A line within such a cell is a row if it has all columns and repeats, in one of them, what other rows have
        there, such as a label. Of the first line only what follows the cell is looked at, of the last what precedes it.

        Raises:
            DataError: rows were swallowed by a stray quote.
        """
        column = next((n for n, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell), 0)
        last = len(record.text) - 1
        for number, line in enumerate(record.text):
            cells = self.split(line)
            places = range(column + 1 if number == 0 else 0, column if number == last else len(cells))
            if seen.knows(cells, places):
                raise self._stray(record)

    def _stray(self, record: Record) -> DataError:
        return DataError(
            f"{self.file}, line {record.line}: a quote that is opened there and closed in line "
            f"{record.line + len(record.text) - 1} swallows whole rows between. Remove the quote, or double it and put "
            f'quotes around its cell: "so ""quoted"" text". If these lines are one text, give the file as JSON lines.'
        )


def _remedy(lines: Sequence[str]) -> str:
    """For a quote that was not closed, or closed too early."""
    if any('\\"' in line for line in lines):
        return r'A quote inside a cell seems to be written \" there; in CSV it is doubled: "". Write the file again so.'
    return 'A quote was probably opened and not closed: close it, and double a quote inside a cell ("").'


def _dialect(separator: str, quoted: bool) -> dict[str, Any]:
    return {"delimiter": separator, "strict": True, "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE}


def _separator(lines: Sequence[str], usual: str) -> str:
    """The one that gives most rows as many cells as the header; the usual one where that is even."""
    return max(sorted(SEPARATORS, key=lambda s: s != usual), key=lambda s: _regularity(lines, s))


def _regularity(lines: Sequence[str], separator: str) -> float:
    cut = [line if len(line) < SAMPLE_WIDTH else line[:SAMPLE_WIDTH] + "\n" for line in lines]
    rows = [row for row in csv.reader(cut, delimiter=separator) if row]
    if not rows or len(rows[0]) < 2:
        return 0.0
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows)
