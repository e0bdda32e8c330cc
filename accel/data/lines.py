"""The lines of a text file, however it is encoded and packed; errors that say where. No torch, no pandas."""

from __future__ import annotations

import gzip
import io
import re
import shlex
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from accel.errors import DataError

MARK = "\ufeff"
"""The byte order mark, which is no part of any text."""
PACKED = ".gz"
NO_TEXT = {
    b"\x1f\x8b": ("a gzip file", PACKED),
    b"PK\x03\x04": ("an Excel file (or another zip)", ".xlsx"),
    b"PAR1\x15": ("a Parquet file", ".parquet"),
}
"""What begins with these bytes, and the end of a name that says so."""
PAGE = "a web page: the download gave an error or a login. Download the file itself"
NO_TABLE = {
    b"BZh": "packed by bzip2. Unpack it with bunzip2",
    b"\xfd7zXZ": "packed by xz. Unpack it with unxz",
    b"%PDF": "a PDF. Export its table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel file. Save it as .xlsx or CSV",
    b"SQLite format 3": "a database. Export the table as CSV",
    b"<!doctype html": PAGE,
    b"<html": PAGE,
}
"""What begins with these bytes, in either case, is nothing that is read, under whatever name."""
SAMPLE = 4096
"""Bytes that tell UTF-16 from UTF-8."""


def suffix_of(file: Path) -> str:
    """What says the format of a file, in lower case: of ``a.csv.gz`` it is ``.csv``."""
    last = file.suffix.lower()
    return Path(file.stem).suffix.lower() if last == PACKED else last


def lines_of(file: Path, newline: str = "") -> Iterator[str]:
    """The lines with their ends, read as they are asked for; byte order marks are gone.

    Args:
        newline: as ``open`` has it: empty ends lines at carriage returns too, a line feed nowhere else.

    Raises:
        DataError: it cannot be read, or is no text.
    """
    try:
        with closing(_binary(file)) as source:
            _require_text(file, source)
            text = io.TextIOWrapper(source, _encoding(source), newline=newline)  # type: ignore[arg-type]
            for number, line in enumerate(text, start=1):
                if "\0" in line:
                    raise _no_text(file, number)
                yield line.lstrip(MARK) if number == 1 else line
    except UnicodeDecodeError as error:
        raise _misread(file, error) from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(file, error) from None


def text_lines(file: Path) -> Iterator[str]:
    """One text per line feed, as in files of plain text: no other control character ends a line.

    Raises:
        DataError: as ``lines_of``.
    """
    return (line.rstrip("\r\n") for line in lines_of(file, "\n"))


def unreadable(file: Path, error: Exception) -> DataError:
    """Of a file whose bytes do not come."""
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return DataError(f"{file} is no whole gzip file ({error}). It may be cut short: copy it again.")
    reason = getattr(error, "strerror", None) or error
    return DataError(f"{file} cannot be read ({reason}). Change its permissions, or copy it.")


def _binary(file: Path) -> IO[bytes]:
    source = file.open("rb")
    return io.BufferedReader(gzip.GzipFile(fileobj=source)) if file.suffix.lower() == PACKED else source  # type: ignore[arg-type]


def _encoding(source: IO[bytes]) -> str:
    """UTF-8, or UTF-16 by its mark; without a mark by where its zeros stand."""
    start = source.peek(SAMPLE)[:SAMPLE]  # type: ignore[attr-defined]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    zeros = [start[part::2].count(0) for part in (0, 1)]
    if max(zeros) > max(3, 0.15 * len(start)) and min(zeros) < 0.1 * max(zeros):
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    return "utf-8"


def _require_text(file: Path, source: IO[bytes]) -> None:
    """Of a file that is packed, or of another program, its name does not say so."""
    start = source.peek(SAMPLE)[:SAMPLE]  # type: ignore[attr-defined]
    found = next((what for magic, what in NO_TEXT.items() if start.startswith(magic)), None)
    if found is not None:
        kind, suffix = found
        named = file.with_name(file.name + suffix) if suffix == PACKED else file.with_suffix(suffix)
        raise DataError(f"{file} is {kind} under another name. Rename it: {shlex.join(['mv', str(file), str(named)])}")
    if file.suffix.lower() != ".txt":  # whose lines may begin as they like
        begin = start[: max(map(len, NO_TABLE))].lower()
        if (
            what := next((told for mark, told in NO_TABLE.items() if begin.startswith(mark.lower())), None)
        ) is not None:
            raise DataError(f"{file} is {what}.")


def _no_text(file: Path, line: int) -> DataError:
    return DataError(f"{file}, line {line} holds a NUL byte, so it is no text file. Export it again as UTF-8 text.")


def _misread(file: Path, error: UnicodeDecodeError) -> DataError:
    """The decoder read a block ahead: where the file goes wrong is looked up."""
    with closing(_binary(file)) as source:
        data = source.read()
    try:
        data.decode(error.encoding)
    except UnicodeDecodeError as whole:
        error = whole
    line = data.count(b"\n", 0, error.start) + 1
    if error.encoding != "utf-8":
        return DataError(f"{file}, line {line} is broken {error.encoding.upper()}. Export it again as UTF-8 text.")
    return DataError(
        f"{file}, line {line} holds a byte that is not UTF-8 (0x{data[error.start]:02x}). {_advice(data, file)}"
    )


def _advice(data: bytes, file: Path) -> str:
    decoded = data.decode("utf-8", errors="replace")
    broken = decoded.count("\ufffd")
    if sum(c > "\x7f" for c in decoded) - broken > broken:
        return "The rest of the file is UTF-8: correct that line."
    guess = _likely_encoding(data)
    unpack = f"gzip -dc {shlex.quote(str(file))} | " if file.suffix.lower() == PACKED else ""
    source = "" if unpack else f" {shlex.quote(str(file))}"
    target = shlex.quote(str(file.with_name("utf8-" + (file.stem if unpack else file.name))))
    return f"The file looks like {guess}. Convert it: {unpack}iconv -f {guess} -t utf-8{source} > {target}"


def _likely_encoding(data: bytes) -> str:
    """Chinese comes in pairs of high bytes; accented letters mostly stand alone."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    in_pairs = sum(len(run) % 2 == 0 for run in runs)
    if in_pairs > 0.9 * len(runs):
        return "gb18030"
    return "windows-1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
