"""A Parquet file as a table; pyarrow is imported when one is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accel.data.lines import PACKED, unreadable
from accel.data.table import Asked, Columns, Table, wanted
from accel.errors import DataError


def read_parquet(file: Path, asked: Asked, first: int | None) -> Table:
    """The columns that are asked for, of as few groups of rows as have so many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix.lower() == PACKED:
        raise DataError(f"{file}: Parquet packs its columns itself. Unpack the file: gunzip {file.name}")
    try:
        with file.open("rb") as source:
            parquet = pq.ParquetFile(source)
            columns = _distinct(file, parquet.schema_arrow.names, asked)
            rows = Columns([name for name in columns if columns.count(name) == 1 and wanted(name, asked)])
            found = _first_rows(parquet, list(rows.values), first)
            for name in rows.values:
                rows.values[name] = _parquet_values(file, name, found.column(name))
    except PermissionError as error:
        raise unreadable(file, error) from None
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{file} is no readable Parquet file ({reason}). It may be cut short: copy it again.") from None
    return Table(file, columns, rows, list(range(1, found.num_rows + 1)))


def _distinct(file: Path, names: Sequence[str], asked: Asked) -> list[str]:
    for name in names:
        if names.count(name) > 1 and wanted(name, asked):
            raise DataError(f"{file}, header: the column {name!r} stands there {names.count(name)} times. Rename one.")
    return list(names)


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
