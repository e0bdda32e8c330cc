"""Reading a file of examples into columns, with errors that say where; no torch, no pandas."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.errors import DataError, did_you_mean, nearest

OTHER_ENCODINGS = ("gb18030", "big5", "shift_jis", "latin-1")
LONGEST_CELL = 50_000_000


@dataclass(frozen=True)
class Table:
    """Rows of a file; ``rows[i]`` stands at ``lines[i]`` (1-based; the row number in a Parquet file)."""

    path: Path
    columns: list[str]
    rows: list[Mapping[str, Any]]
    lines: list[int]

    def column(self, name: str, key: str) -> list[Any]:
        """The values of one column.

        Raises:
            DataError: there is no such column; names the nearest.
        """
        if name not in self.columns:
            raise DataError(
                f"{key}={name}: {self.path.name} has no column {name!r}. {did_you_mean(name, self.columns)} "
                f"Its columns are: {', '.join(map(repr, self.columns))}."
            )
        return [row[name] for row in self.rows]


def read_table(path: str, key: str) -> Table:
    """Read a .csv, .tsv, .jsonl or .parquet file.

    Args:
        path: as the user gave it.
        key: the config key it stands under, for messages.

    Raises:
        DataError: whatever is wrong with the file; names file and line, the reason and the remedy.
    """
    file = _existing(path, key)
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise DataError(
            f"{key}={path}: {file.suffix or 'no extension'} is no format accel reads. Convert the file to one of "
            f"{', '.join(READERS)}."
        )
    table = reader(file)
    if not table.rows:
        raise DataError(f"{key}={path} has {'a header but no rows' if table.columns else 'nothing in it'}. Add examples.")
    return table


def _existing(path: str, key: str) -> Path:
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
    close = nearest(file.name, [p.name for p in file.parent.iterdir()])
    return f"Did you mean {file.parent / close[0]}?" if close else _files_in(file.parent)


def _files_in(folder: Path) -> str:
    found = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in READERS)[:8]
    return f"In {folder} there are: {', '.join(found)}." if found else f"There is no data file in {folder}."


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}). Change its permissions, or copy it.") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{file} is UTF-16. Convert it: iconv -f utf-16 -t utf-8 {file.name} > utf8-{file.name}")
    if (position := data.find(b"\x00")) >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise DataError(f"{file}, line {line} holds a NUL byte, so it is no text file. Export it again as UTF-8 text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        guess = _guess_encoding(data)
        raise DataError(
            f"{file}, line {line} holds a byte that is not UTF-8 (0x{data[error.start]:02x}); the file looks like "
            f"{guess}. Convert it: iconv -f {guess} -t utf-8 {file.name} > utf8-{file.name}"
        ) from None


def _guess_encoding(data: bytes) -> str:
    for encoding in OTHER_ENCODINGS:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or sum(b > 0x7F for b in data) % 2 == 0:
            return encoding
    return "latin-1"


def _read_csv(file: Path) -> Table:
    return _delimited(file, ",")


def _read_tsv(file: Path) -> Table:
    return _delimited(file, "\t")


def _delimited(file: Path, delimiter: str) -> Table:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(_text(file), newline=""), delimiter=delimiter, strict=True)
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    line = 1
    try:
        header = _header(file, next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                rows.append(_row(file, header, cells, line))
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{file}, line {line}: {error}. A quote was probably opened and not closed: close it, and double a quote "
            f'inside a cell ("").'
        ) from None
    return Table(file, header, rows, lines)


def _header(file: Path, names: Sequence[str]) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{file}, line 1: the column {name!r} stands there {names.count(name)} times. Rename one.")
    return list(names)


def _row(file: Path, header: list[str], cells: list[str], line: int) -> Mapping[str, str]:
    if len(cells) != len(header):
        raise DataError(
            f"{file}, line {line} has {len(cells)} cells, and the header has {len(header)} columns. Put quotes around "
            f"a cell that holds the separator, or complete the row."
        )
    return dict(zip(header, cells, strict=True))


def _read_jsonl(file: Path) -> Table:
    columns: dict[str, None] = {}
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    for number, text in enumerate(_text(file).splitlines(), start=1):
        if text.strip():
            row = _json_row(file, number, text)
            columns.update(dict.fromkeys(row))
            rows.append(row)
            lines.append(number)
    for row, number in zip(rows, lines, strict=True):
        for name in columns:
            if name not in row:
                raise DataError(f"{file}, line {number} has no key {name!r}, which other lines have. Add it, or null.")
    return Table(file, list(columns), rows, lines)


def _json_row(file: Path, number: int, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise DataError(f"{file}, line {number} is not valid JSON: {error}. Write one object per line.") from None
    if not isinstance(row, dict):
        raise DataError(
            f"{file}, line {number} holds a JSON {type(row).__name__}, not an object. Write one object per line, not "
            f"one array around all of them."
        )
    return row


def _read_parquet(file: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is no readable Parquet file ({_short(error)}). It may be cut short: copy it again.") from None
    rows = table.to_pylist()
    return Table(file, list(table.column_names), rows, list(range(1, len(rows) + 1)))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
