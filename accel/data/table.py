"""Reading a file of examples into columns, with errors that say where; no torch, no pandas."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.errors import DataError, did_you_mean, nearest

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
                f"{key}={name}: {self.path.name} has no column {name!r}. {self._meant(name)} "
                f"Its columns are: {', '.join(map(repr, self.columns))}."
            )
        return [row[name] for row in self.rows]

    def _meant(self, name: str) -> str:
        """Columns that differ only in case or in spaces around them come first: similarity ranks them last."""
        same = [c for c in self.columns if c.strip().casefold() == name.strip().casefold()]
        return did_you_mean(same[0] if same else name, same or self.columns)


Reader = Callable[[Path], Table]


def read_table(path: str, key: str, readers: Mapping[str, Reader] | None = None) -> Table:
    """Read a .csv, .tsv, .jsonl or .parquet file.

    Args:
        path: as the user gave it.
        key: the config key it stands under, for messages.
        readers: of the formats that may be given, by suffix; those four when absent.

    Raises:
        DataError: whatever is wrong with the file; names file and line, the reason and the remedy.
    """
    file = _existing(path, key)
    readers = READERS if readers is None else readers
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise DataError(
            f"{key}={path}: {file.suffix or 'no extension'} is no format accel reads. Convert the file to one of "
            f"{', '.join(readers)}."
        )
    table = reader(file)
    if not table.rows:
        found = "a header but no rows" if table.columns else "nothing in it"
        raise DataError(f"{key}={path} has {found}. Add examples.")
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
    close = nearest(file.name, _names_in(file.parent))
    return f"Did you mean {file.parent / close[0]}?" if close else _files_in(file.parent)


def _files_in(folder: Path) -> str:
    found = [name for name in _names_in(folder) if Path(name).suffix.lower() in READERS][:8]
    return f"In {folder} there are: {', '.join(found)}." if found else f"There is no data file in {folder}."


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir())
    except OSError:  # a folder that may be entered but not listed
        return []


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{file} is UTF-16. Convert it: iconv -f utf-16 -t utf-8 {file.name} > utf8-{file.name}")
    if (position := data.find(b"\x00")) >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise DataError(f"{file}, line {line} holds a NUL byte, so it is no text file. Export it again as UTF-8 text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder does not count the three bytes of a byte order mark that it skipped.
        position = error.start + (3 if data.startswith(codecs.BOM_UTF8) else 0)
        line = data.count(b"\n", 0, position) + 1
        byte = f"0x{data[position]:02x}"
        raise DataError(
            f"{file}, line {line} holds a byte that is not UTF-8 ({byte}). {_decoding_advice(data, file)}"
        ) from None


def _decoding_advice(data: bytes, file: Path) -> str:
    decoded = data.decode("utf-8", errors="replace")
    broken = decoded.count("\ufffd")
    if sum(c > "\x7f" for c in decoded) - broken > broken:
        return "The rest of the file is UTF-8: correct that line."
    guess = _likely_encoding(data)
    return f"The file looks like {guess}. Convert it: iconv -f {guess} -t utf-8 {file.name} > utf8-{file.name}"


def _likely_encoding(data: bytes) -> str:
    """Chinese comes in pairs of high bytes; accented letters mostly stand alone."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    in_pairs = sum(len(run) % 2 == 0 for run in runs)
    return "gb18030" if in_pairs > 0.9 * len(runs) else "latin-1"


def _unreadable(file: Path, error: OSError) -> DataError:
    return DataError(f"{file} cannot be read ({error.strerror}). Change its permissions, or copy it.")


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
    if not any(name.strip() for name in names):
        raise DataError(f"{file}, line 1 is blank. The first line must name the columns.")
    return _distinct(file, names)


def _distinct(file: Path, names: Sequence[str]) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{file}, header: the column {name!r} stands there {names.count(name)} times. Rename one.")
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
    # str.splitlines would also split at U+2028 and U+0085, which JSON allows inside a string.
    for number, text in enumerate(io.StringIO(_text(file), newline=None), start=1):
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
    except (ValueError, RecursionError) as error:
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
        with file.open("rb") as source:
            parquet = pq.ParquetFile(source)
            columns = _distinct(file, parquet.schema_arrow.names)
            rows = parquet.read().to_pylist()
    except PermissionError as error:
        raise _unreadable(file, error) from None
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{file} is no readable Parquet file ({reason}). It may be cut short: copy it again.") from None
    return Table(file, columns, rows, list(range(1, len(rows) + 1)))


def read_paragraphs(file: Path) -> Table:
    """A text file's paragraphs in a column ``text``: what blank lines set apart."""
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    open_lines: list[str] = []
    for number, line in enumerate([*_text(file).split("\n"), ""], start=1):
        if line.strip():
            open_lines.append(line.rstrip("\r"))
        elif open_lines:
            rows.append({"text": "\n".join(open_lines)})
            lines.append(number - len(open_lines))
            open_lines = []
    return Table(file, ["text"], rows, lines)


READERS: dict[str, Reader] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
