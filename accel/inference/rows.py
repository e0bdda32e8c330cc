"""The rows of a file that are to be answered, one answer each; no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accel.data.json_rows import is_array
from accel.data.lines import lines_of, suffix_of, text_lines
from accel.data.read_table import READERS, existing, read_table
from accel.data.spelling import mended, plain
from accel.data.table import Table
from accel.errors import DataError

IDENTITY = ("id", "ID", "Id")
"""A column of such a name goes with its row unasked."""
JSON_LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Keys:
    """What the command line calls the file and its text columns."""

    file: str
    text: str
    kept: str = "--keep"
    """Of columns that go with the answers."""


PREDICTED = Keys("--file", "--text")


@dataclass(frozen=True)
class Query:
    """One row: a text or a pair, and what goes with the answer."""

    text: str | list[str]
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read in it."""
        return not any(part.strip() for part in ([self.text] if isinstance(self.text, str) else self.text))

    def mended(self) -> Query:
        """Without halves of characters."""
        text = mended(self.text) if isinstance(self.text, str) else [mended(part) for part in self.text]
        return Query(text, self.kept)


def rows_of(path: str, columns: Sequence[str], keep: Sequence[str], keys: Keys = PREDICTED) -> list[Query]:
    """What a file asks: the rows of a table, JSON lines of strings or lists, or a text per line.

    Args:
        columns: the text columns of a table, one or two.
        keep: columns of a table that go with the answers.
        keys: what the command line calls them, for messages.

    Raises:
        DataError: it cannot be read, or lacks a column.
    """
    file = existing(path, keys.file)
    suffix = suffix_of(file)
    if (suffix in JSON_LINES and _starts_with(file) == '"') or (
        suffix in JSON_LINES[:2] and _starts_with(file) == "[" and not is_array(file)
    ):
        return list(_values(file))
    if suffix in READERS:
        return _of_table(read_table(path, keys.file, columns=[*columns, *keep, *IDENTITY]), columns, keep, keys)
    return [Query(line) for line in text_lines(file) if line.strip()]


def _starts_with(file: Path) -> str:
    return next((line.strip()[0] for line in lines_of(file) if line.strip()), "")


def _of_table(table: Table, columns: Sequence[str], keep: Sequence[str], keys: Keys) -> list[Query]:
    texts = [[_text(table, keys, *cell) for cell in enumerate(table.column(name, keys.text))] for name in columns]
    names = list(keep) or [name for name in table.columns if plain(name) in IDENTITY]
    kept = {name: table.column(name, keys.kept) for name in names}
    rows = zip(*texts, strict=True)
    return [
        Query(row[0] if len(row) == 1 else list(row), {name: values[n] for name, values in kept.items()})
        for n, row in enumerate(rows)
    ]


def _text(table: Table, keys: Keys, place: int, value: Any) -> str:
    if isinstance(value, list | dict | bytes):
        raise DataError(
            f"{table.path}, line {table.lines[place]} holds a {type(value).__name__}, not a text. Name another column "
            f"with {keys.text}."
        )
    return "" if value is None else str(value)


def _values(file: Path) -> Iterator[Query]:
    for number, line in enumerate(lines_of(file), start=1):
        if line.strip():
            yield Query(_value(file, number, line))


def _value(file: Path, number: int, line: str) -> Any:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}, line {number} is not valid JSON: {error}.") from None
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return value
    raise DataError(
        f'{file}, line {number}: write a string, or a list of strings for pairs, e.g. ["question", "answer"], as in '
        f"the first line. A file of objects holds nothing else."
    )
