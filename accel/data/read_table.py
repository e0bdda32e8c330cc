"""Reading a file of examples into columns by its format, with errors that say where; no torch, no pandas."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from accel.data.delimited_table import read_csv, read_tsv
from accel.data.excel import read_excel
from accel.data.json_rows import read_json, read_jsonl
from accel.data.lines import suffix_of
from accel.data.parquet import read_parquet
from accel.data.table import Asked, Reader, Table
from accel.errors import DataError, nearest

READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".parquet": read_parquet,
    ".xlsx": read_excel,
}


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
