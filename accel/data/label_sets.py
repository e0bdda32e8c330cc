"""What several labels at once are read from: a list, words in one cell, or a column of 0 and 1 for each; no torch.

An example's label is written as JSON, so that equal sets are equal words: ``["bug", "ui"]`` of a list, ``[1, 0, null]``
of columns, where null is what nobody knows, and nothing at all where none is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from accel.data.spelling import LONE, label_of
from accel.data.table import Table
from accel.errors import DataError

ANSWERS = {"1": 1, "0": 0, "true": 1, "false": 0, "": None}
"""What a cell of a label's column may hold."""


def sets_of(table: Table, column: str, separator: str) -> list[str]:
    """A column of lists, or of words with a separator between; an empty one has no label, null is unknown.

    Raises:
        DataError: there is no such column, or a row has what is no label.
    """
    rows = zip(table.column(column, "task.label"), table.lines, strict=True)
    return [_set(value, separator, f"{table.path}, line {line}: column {column!r}") for value, line in rows]


def _set(value: Any, separator: str, what: str) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        value = _words(value.strip(), separator, what)
    if not isinstance(value, list | tuple):
        raise DataError(f'{what} holds a {type(value).__name__}, not labels. Write a list: ["bug", "ui"].')
    return json.dumps(sorted({_name(item, what) for item in value}), ensure_ascii=False)


def _words(written: str, separator: str, what: str) -> Sequence[Any]:
    if not written.startswith("["):
        return [word for word in written.split(separator) if word.strip()]
    try:
        return json.loads(written)
    except ValueError as error:
        raise DataError(f'{what} begins as a list and is none ({error}). Write ["bug", "ui"].') from None


def _name(item: Any, what: str) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise DataError(f"{what} holds the label {item!r}, a {type(item).__name__}. Write labels as words.")
    name = label_of(item)
    if not name or LONE.search(name):
        raise DataError(f"{what} holds the label {item!a}, which is empty or half a character. Correct it.")
    return name


def columns_of(table: Table, columns: Sequence[str]) -> list[str]:
    """A column for each label: 1 where a row has it, 0 where not, nothing where nobody knows.

    Raises:
        DataError: there is no such column, or a cell holds something else.
    """
    cells = {name: table.column(name, "task.label") for name in columns}
    found = [
        [_answer(v, f"{table.path}, line {n}: column {name!r}") for v, n in zip(values, table.lines, strict=True)]
        for name, values in cells.items()
    ]
    return [json.dumps(row) if set(row) != {None} else "" for row in zip(*found, strict=True)]


def _answer(value: Any, what: str) -> int | None:
    written = "" if value is None or value != value else label_of(value).lower()
    if isinstance(value, list | dict | bytes) or written not in ANSWERS:
        raise DataError(f"{what} holds {value!r}. Write 1 where a text has the label, 0 where not, nothing if unknown.")
    return ANSWERS[written]
