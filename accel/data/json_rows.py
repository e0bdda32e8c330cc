"""A file of JSON as a table: an object in each line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from accel.data.lines import lines_of
from accel.data.table import Asked, Table, wanted
from accel.errors import DataError

FIRST_LINES = 50
"""Of a file of JSON, that tell its form."""


def read_jsonl(file: Path, asked: Asked, first: int | None) -> Table:
    """An object in each line, or one array under another name."""
    if is_array(file):
        return _objects(file, islice(_array(file, "".join(lines_of(file))), first), asked)
    return _json_lines(file, asked, first)


def read_json(file: Path, asked: Asked, first: int | None) -> Table:
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
        rows.append(row if asked is None else {name: value for name, value in row.items() if wanted(name, asked)})
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
