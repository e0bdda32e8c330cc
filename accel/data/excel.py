"""The first sheet of an Excel file as a table of text; the only file that imports openpyxl. No torch, no pandas."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from accel.core.extras import install_words
from accel.data.lines import PACKED
from accel.data.table import Asked, Columns, Table, wanted
from accel.errors import DataError

DIGITS = 15
"""Of a number that Excel keeps exactly, and shows."""


@dataclass(frozen=True)
class Sheet:
    """The sheet that is read, and the names of the others."""

    name: str
    others: list[str]
    rows: list[tuple[int, list[str | None]]]
    """Those that are not blank, each with its number; a cell without a value is None."""
    errors: list[int]
    """Numbers of the rows with cells that hold an error such as #N/A, which is no value."""

    @staticmethod
    def of(file: Path) -> Sheet:
        """Read a file.

        Raises:
            DataError: openpyxl is not installed, or the file is no Excel file.
        """
        try:
            from openpyxl import load_workbook
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            raise DataError(
                f"{file}: Excel files are read by openpyxl, which is not installed: {install_words('excel')}. "
                f"Or save the sheet as CSV."
            ) from None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of looks that it does not know
                with closing(load_workbook(file, read_only=True, data_only=True)) as book:
                    return _first(file, book)
        except PermissionError as error:
            raise DataError(f"{file} cannot be read ({error.strerror}). Change its permissions, or copy it.") from None
        except (InvalidFileException, BadZipFile, KeyError, ValueError, OSError) as error:
            raise DataError(
                f"{file} is no readable Excel file ({error}). It may be cut short, locked by a password, or of an old "
                f"Excel: save it again as .xlsx, or as CSV."
            ) from None

    def notes(self, file: Path) -> Iterator[str]:
        """What its owner may not expect."""
        if self.others:
            yield f"Sheet of {file.name}: {self.name!r}, the first; not read: {', '.join(map(repr, self.others))}"
        if self.errors:
            yield (
                f"Rows of {file.name} with a cell that holds an error such as #N/A, which is left empty: "
                f"{len(self.errors)}, first row {self.errors[0]}"
            )


def read_excel(file: Path, asked: Asked, first: int | None) -> Table:
    """The first sheet; its first row that is not blank names the columns."""
    if file.suffix.lower() == PACKED:
        raise DataError(f"{file}: Excel packs its files itself. Unpack the file: gunzip {file.name}")
    sheet = Sheet.of(file)
    (_, names), *found = sheet.rows or [(1, [])]
    found = found[:first]
    header = [name if name and name.strip() else "" for name in names]
    kept = {name: number for number, name in enumerate(header) if name and wanted(name, asked)}
    rows = Columns(list(kept))
    for _, cells in found:
        for name, number in kept.items():
            rows.values[name].append(cells[number] if number < len(cells) else None)
    lines = [number for number, _ in found]
    columns = [name for name in header if name]
    return Table(file, columns, rows, lines, list(sheet.notes(file)), _behind(header, [cells for _, cells in found]))


def _behind(header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> int:
    """Columns behind the last that has a name and that hold something."""
    last = max((number for number, name in enumerate(header, start=1) if name), default=0)
    return max((n - last for cells in rows for n, cell in enumerate(cells, start=1) if cell and n > last), default=0)


def text_of(value: Any) -> str | None:
    """A cell as a reader of the sheet would write it down; a day without a time of day is a day."""
    from openpyxl.utils.escape import unescape

    if value is None:
        return None
    if isinstance(value, str):
        return unescape(value).replace("\r\n", "\n")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.{DIGITS}g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)


def _first(file: Path, book: Any) -> Sheet:
    if not book.worksheets:
        raise DataError(f"{file} has no sheet with cells. Give a file with a table.")
    sheet, *others = book.worksheets
    sheet.reset_dimensions()  # other programs note a size that is too small
    rows, errors = [], []
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if any(cell.data_type == "e" for cell in cells):
            errors.append(number)
        texts = [None if cell.data_type == "e" else text_of(cell.value) for cell in cells]
        if any(text and text.strip() for text in texts):
            rows.append((number, texts))
    return Sheet(sheet.title, [other.title for other in others], rows, errors)
