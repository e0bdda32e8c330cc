"""Reading a file of examples into columns, with errors that say where; no torch, no pandas."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from accel.data.delimited import SEPARATORS, Delimited, Record, Repeated
from accel.data.excel import Sheet
from accel.data.lines import PACKED, lines_of, suffix_of, text_lines, unreadable
from accel.data.spelling import plain
from accel.errors import DataError, did_you_mean, nearest

ABSENT = object()
LONGEST_NAME_WORDS = 3
"""What a line of JSON has under a key that it lacks."""


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
    """Columns that the header gives no name, which are not read."""

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
            raise DataError(f"{self.path}, line {line} has no key {found!r}, which other lines have. Add it, or null.")
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


def _headless(columns: Sequence[str]) -> str:
    """What to do where the first line was an example: texts are longer than names."""
    if not any(len(name.split()) > LONGEST_NAME_WORDS for name in columns):
        return ""
    return " If that is an example already, the file has no header: put a line with names above it."


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


FIRST_LINES = 50
"""Of a file of JSON, that tell its form."""
Asked = Collection[str] | None
"""The columns that are wanted; None for all."""


def _wanted(name: str, asked: Asked) -> bool:
    return asked is None or plain(name) in {plain(one) for one in asked}


Reader = Callable[[Path, Asked, int | None], Table]


def read_table(
    path: str, key: str, readers: Mapping[str, Reader] | None = None, columns: Asked = None, first: int | None = None
) -> Table:
    """Read a file of a format in ``READERS``; any of them but Parquet may be packed by gzip.

    Args:
        path: as the user gave it.
        key: the config key it stands under, for messages.
        readers: of the formats that may be given, by suffix; all when absent.
        columns: what of it is wanted: the rest is not touched, and all of it is kept only when absent.
        first: how many rows are read at most; all when absent.

    Raises:
        DataError: whatever is wrong with the file; names file and line, the reason and the remedy.
    """
    file = existing(path, key)
    readers = READERS if readers is None else readers
    reader = readers.get(suffix_of(file))
    if reader is None:
        raise DataError(
            f"{key}={path}: {file.suffix or 'no extension'} is no format accel reads. Convert the file to one of "
            f"{', '.join(readers)}."
        )
    table = reader(file, columns, first)
    if not table.lines:
        found = "a header but no rows" if table.columns else "nothing in it"
        raise DataError(f"{key}={path} has {found}. Add examples.")
    return table


def existing(path: str, key: str) -> Path:
    """A file with something in it.

    Raises:
        DataError: there is none.
    """
    file = Path(path).expanduser()
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        raise DataError(f"{key}={path}: there is no such file. {_similar(file)}") from None
    except OSError as error:  # a loop of links, a folder on the way that may not be entered
        raise DataError(f"{key}={path} cannot be reached ({error.strerror}). Check the path and its links.") from None
    if stat.S_ISDIR(mode):
        raise DataError(f"{key}={path} is a folder. Give a file: {_files_in(file)}")
    if not stat.S_ISREG(mode):
        raise DataError(f"{key}={path} is no regular file (a pipe or a device). Copy its content to a file first.")
    if file.stat().st_size == 0:
        raise DataError(f"{key}={path} is empty (0 bytes). Give a file with a header and examples.")
    return file


def _similar(file: Path) -> str:
    if not file.parent.is_dir():
        return f"The folder {file.parent} does not exist either."
    close = nearest(file.name, _names_in(file.parent))
    return f"Did you mean {file.parent / close[0]}?" if close else _files_in(file.parent)


def _files_in(folder: Path) -> str:
    found = [name for name in _names_in(folder) if suffix_of(Path(name)) in READERS][:8]
    return f"In {folder} there are: {', '.join(found)}." if found else f"There is no data file in {folder}."


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir())
    except OSError:  # a folder that may be entered but not listed
        return []


def _read_csv(file: Path, asked: Asked, first: int | None) -> Table:
    return _delimited(Delimited.of(file, ","), ",", asked, first)


def _read_tsv(file: Path, asked: Asked, first: int | None) -> Table:
    return _delimited(Delimited.of(file, "\t"), "\t", asked, first)


def _delimited(source: Delimited, usual: str, asked: Asked, first: int | None) -> Table:
    records = source.records()
    header = _header(source.file, next(records, Record(1, [])).cells)
    kept = {name: number for number, name in enumerate(header) if name and _wanted(name, asked)}
    rows = Columns(list(kept))
    lines: list[int] = []
    tally = Oddities(source, len(header))
    for record in islice(records, first):
        cells = _fitting(source.file, header, record)
        if not tally.blank(record, cells):
            for name, number in kept.items():
                rows.values[name].append(cells[number])
            lines.append(record.line)
    notes = [f"Separator: {SEPARATORS.get(source.separator, source.separator)}"] * (source.separator != usual)
    columns = [name for name in header if name]
    return Table(source.file, columns, rows, lines, [*notes, *tally.notes()], len(header) - len(columns))


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


def _header(file: Path, names: Sequence[str]) -> list[str]:
    """The columns' names; what has none is empty."""
    if not any(name.strip() for name in names):
        raise DataError(f"{file}, line 1 is blank. The first line must name the columns.")
    return [name if name.strip() else "" for name in names]


def _distinct(file: Path, names: Sequence[str], asked: Asked) -> list[str]:
    for name in names:
        if names.count(name) > 1 and _wanted(name, asked):
            raise DataError(f"{file}, header: the column {name!r} stands there {names.count(name)} times. Rename one.")
    return list(names)


def _fitting(file: Path, header: Sequence[str], record: Record) -> Sequence[str]:
    """The cells, as many as the header has: separators at the end of a row are none."""
    cells, width = record.cells, len(header)
    if len(cells) == width or (len(cells) > width and not any(cell.strip() for cell in cells[width:])):
        return cells[:width]
    remedy = "Put quotes around a cell that holds the separator, or complete the row."
    if header[0].startswith("#"):
        remedy = "The first line must name the columns: remove what stands above them."
    raise DataError(f"{file}, line {record.line} has {len(cells)} cells, and the header has {width} columns. {remedy}")


def _read_jsonl(file: Path, asked: Asked, first: int | None) -> Table:
    """An object in each line, or one array under another name."""
    if is_array(file):
        return _objects(file, islice(_array(file, "".join(lines_of(file))), first), asked)
    return _json_lines(file, asked, first)


def is_array(file: Path) -> bool:
    """Whether a file of JSON is one array of objects."""
    found = chain.from_iterable(line.split() for line in islice(lines_of(file), FIRST_LINES))
    start = "".join(islice(found, 2))
    return start == "[" or start.startswith("[{")


def _json_lines(file: Path, asked: Asked, first: int | None) -> Table:
    # str.splitlines would also split at U+2028 and U+0085, which JSON allows inside a string.
    lines = ((number, text) for number, text in enumerate(lines_of(file), start=1) if text.strip())
    rows = ((number, _json_row(file, number, text)) for number, text in lines)
    return _objects(file, islice(rows, first), asked)


def _read_json(file: Path, asked: Asked, first: int | None) -> Table:
    """One array of objects, or JSON lines under another name."""
    start = next((line for line in lines_of(file) if line.strip()), "")
    if start.lstrip().startswith("["):
        return _objects(file, islice(_array(file, "".join(lines_of(file))), first), asked)
    table = _json_lines(file, None, first)
    if len(table.rows) == 1 and all(isinstance(value, list | dict) for value in table.rows[0].values()):
        raise DataError(
            f"{file} holds one object, and each of its keys ({', '.join(map(repr, table.columns[:5]))}) a whole column "
            f"or table. Write one object for each row; in pandas: to_json(FILE, orient='records', lines=True)."
        )
    return _objects(file, zip(table.lines, map(dict, table.rows), strict=True), asked)


def _array(file: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of an array, with the lines on which they begin."""
    decoder = json.JSONDecoder()
    line, counted, place = 1, 0, text.index("[") + 1
    while True:
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        line, counted = line + text.count("\n", counted, place), place
        if text[place : place + 1] in ("]", ""):
            break
        try:
            row, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}, line {line} is not valid JSON: {error}. Write one array of objects.") from None
        yield line, _object(file, line, row)
    if text[place:].strip() != "]":
        raise DataError(f"{file}, line {line}: the array is not closed there. Close it, or copy the file again.")


def _objects(file: Path, found: Iterator[tuple[int, dict[str, Any]]], asked: Asked) -> Table:
    columns: dict[str, None] = {}
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    for number, row in found:
        columns.update(dict.fromkeys(row))
        rows.append(row if asked is None else {name: value for name, value in row.items() if _wanted(name, asked)})
        lines.append(number)
    return Table(file, list(columns), rows, lines)


def _json_row(file: Path, number: int, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}, line {number} is not valid JSON: {error}. Write one object per line.") from None
    return _object(file, number, row)


def _object(file: Path, number: int, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(
            f"{file}, line {number} holds a JSON {type(row).__name__}, not an object. Write one object per line, not "
            f"one array around all of them."
        )
    return row


def _read_parquet(file: Path, asked: Asked, first: int | None) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix.lower() == PACKED:
        raise DataError(f"{file}: Parquet packs its columns itself. Unpack the file: gunzip {file.name}")
    try:
        with file.open("rb") as source:
            parquet = pq.ParquetFile(source)
            columns = _distinct(file, parquet.schema_arrow.names, asked)
            rows = Columns([name for name in columns if columns.count(name) == 1 and _wanted(name, asked)])
            found = _first_rows(parquet, list(rows.values), first)
            for name in rows.values:
                rows.values[name] = _parquet_values(file, name, found.column(name))
    except PermissionError as error:
        raise unreadable(file, error) from None
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{file} is no readable Parquet file ({reason}). It may be cut short: copy it again.") from None
    return Table(file, columns, rows, list(range(1, found.num_rows + 1)))


def _first_rows(parquet: Any, columns: list[str], first: int | None) -> Any:
    """As few groups of rows as have so many."""
    if first is None:
        return parquet.read(columns)
    groups, rows = [], 0
    for number in range(parquet.num_row_groups):
        if rows >= first:
            break
        groups.append(number)
        rows += parquet.metadata.row_group(number).num_rows
    return parquet.read_row_groups(groups, columns).slice(0, first)


def _parquet_values(file: Path, name: str, column: Any) -> list[Any]:
    """As Python has them, or as text where it has none: a time in nanoseconds, a date after the year 9999."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        raise DataError(f"{file}: column {name!r} holds text that is not UTF-8. Write it again as UTF-8.") from None
    except (ValueError, OverflowError):
        return column.cast("string").to_pylist()


def _read_excel(file: Path, asked: Asked, first: int | None) -> Table:
    """The first sheet; its first row that is not blank names the columns."""
    if file.suffix.lower() == PACKED:
        raise DataError(f"{file}: Excel packs its files itself. Unpack the file: gunzip {file.name}")
    sheet = Sheet.of(file)
    (_, names), *found = sheet.rows or [(1, [])]
    found = found[:first]
    header = [name if name and name.strip() else "" for name in names]
    kept = {name: number for number, name in enumerate(header) if name and _wanted(name, asked)}
    rows = Columns(list(kept))
    for _, cells in found:
        for name, number in kept.items():
            rows.values[name].append(cells[number] if number < len(cells) else None)
    lines = [number for number, _ in found]
    columns = [name for name in header if name]
    return Table(file, columns, rows, lines, list(sheet.notes(file)), len(header) - len(columns))


def read_paragraphs(file: Path, asked: Asked = None, first: int | None = None) -> Table:
    """A text file's paragraphs in a column ``text``: what blank lines set apart."""
    del asked
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    open_lines: list[str] = []
    for number, line in enumerate(chain(text_lines(file), [""]), start=1):
        if line.strip():
            open_lines.append(line)
        elif open_lines:
            rows.append({"text": "\n".join(open_lines)})
            lines.append(number - len(open_lines))
            open_lines = []
    return Table(file, ["text"], rows[:first], lines[:first])


READERS: dict[str, Reader] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".xlsx": _read_excel,
}
