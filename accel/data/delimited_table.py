"""A file of cells that a separator sets apart (CSV, TSV) as a table, and what is odd about its rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from accel.data.delimited import SEPARATORS, Delimited, Record, Repeated
from accel.data.table import Asked, Columns, Table, wanted
from accel.errors import DataError


def read_csv(file: Path, asked: Asked, first: int | None) -> Table:
    """Cells with commas between them, unless the file shows another separator."""
    return _delimited(Delimited.of(file, ","), ",", asked, first)


def read_tsv(file: Path, asked: Asked, first: int | None) -> Table:
    """Cells with tabs between them, unless the file shows another separator."""
    return _delimited(Delimited.of(file, "\t"), "\t", asked, first)


def _delimited(source: Delimited, usual: str, asked: Asked, first: int | None) -> Table:
    records = source.records()
    header = _header(source.file, next(records, Record(1, [])).cells)
    kept = {name: number for number, name in enumerate(header) if name and wanted(name, asked)}
    rows = Columns(list(kept))
    lines: list[int] = []
    tally, named = Oddities(source, len(header)), _named(header)
    behind = 0
    for record in islice(records, first):
        cells = _fitting(source.file, header, record)
        if not tally.blank(record, cells):
            for name, number in kept.items():
                rows.values[name].append(cells[number])
            behind = max(behind, _named(cells) - named) if named < len(header) else 0
            lines.append(record.line)
    notes = [f"Separator: {SEPARATORS.get(source.separator, source.separator)}"] * (source.separator != usual)
    columns = [name for name in header if name]
    return Table(source.file, columns, rows, lines, [*notes, *tally.notes()], behind)


class Oddities:
    """What is counted of a file of cells."""

    def __init__(self, source: Delimited, num_columns: int) -> None:
        self._source = source
        self._repeated = Repeated(num_columns)
        self._tall: list[Record] = []
        self._quoted: list[int] = []
        self._blank: list[int] = []

    def blank(self, record: Record, cells: Sequence[str]) -> bool:
        """Count a row; whether there is nothing in it."""
        if len(cells) > 1 and not any(cell.strip() for cell in cells):
            self._blank.append(record.line)
            return True
        if record.text:
            self._tall.append(record)
            return False
        if not self._source.quoted and any(len(c) > 1 and c[0] == c[-1] == '"' for c in cells):
            self._quoted.append(record.line)
        self._repeated.add(cells)
        return False

    def notes(self) -> list[str]:
        """In words.

        Raises:
            DataError: a stray quote swallowed rows.
        """
        for record in self._tall:
            self._source.check_quotes(record, self._repeated)
        found = {
            "a cell that spans lines": [record.line for record in self._tall],
            "nothing but separators, and are left out": self._blank,
            "quotes around a cell, which belong to its text in a TSV file": self._quoted,
        }
        name = self._source.file.name
        return [f"Rows of {name} with {what}: {len(at)}, first line {at[0]}" for what, at in found.items() if at]


def _named(cells: Sequence[str]) -> int:
    """How many there are up to the last that holds something."""
    return max((number for number, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _header(file: Path, names: Sequence[str]) -> list[str]:
    """The columns' names; what has none is empty."""
    if not any(name.strip() for name in names):
        raise DataError(f"{file}, line 1 is blank. The first line must name the columns.")
    return [name if name.strip() else "" for name in names]


def _fitting(file: Path, header: Sequence[str], record: Record) -> Sequence[str]:
    """The cells, as many as the header has: separators at the end of a row are none."""
    cells, width = record.cells, len(header)
    if len(cells) == width or (len(cells) > width and not any(cell.strip() for cell in cells[width:])):
        return cells[:width]
    remedy = "Put quotes around a cell that holds the separator, or complete the row."
    if header[0].startswith("#") or width == 1:
        remedy = "The first line must name the columns: remove what stands above them."
    columns = "1 column" if width == 1 else f"{width} columns"
    raise DataError(f"{file}, line {record.line} has {len(cells)} cells, and the header has {columns}. {remedy}")
