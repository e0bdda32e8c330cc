"""Interactions and items from tables, with errors that say where; no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from accel.data.examples import MISSING, Tally
from accel.data.interactions import Catalogue, Interaction, Strata
from accel.data.read_table import read_table
from accel.data.spelling import label_of, mended
from accel.data.table import Table
from accel.data.times import number_of, times_of
from accel.errors import DataError


def interactions_of(
    path: str,
    *,
    user: str,
    item: str,
    timestamp: str | None,
    rating: str | None,
    min_rating: float | None,
    tally: Tally,
) -> list[Interaction]:
    """The rows of a file, but those whose rating is too low.

    Raises:
        DataError: a missing column, user, item or time, a rating that is no number, or none that is high enough.
    """
    named = {"user": user, "item": item, "timestamp": timestamp, "rating": rating}
    table = read_table(path, "task.train", columns=[name for name in named.values() if name is not None])
    tally.note(table.notes)
    users, items = (_names(table, name, key) for name, key in ((user, "task.user"), (item, "task.item")))
    times = [0.0] * len(users) if timestamp is None else _times(table, timestamp)
    rows = zip(users, items, times, table.lines, strict=True)
    found = [Interaction(who, what, time, f"line {line}") for who, what, time, line in rows]
    if rating is None or min_rating is None:
        return found
    return _high(found, _numbers(table, rating, "task.rating"), min_rating, table, tally)


def groups_of_users(path: str, *, user: str, columns: Sequence[str]) -> dict[str, Strata]:
    """What some columns of the interactions say of each user; an empty cell is a group too.

    Raises:
        DataError: a missing column, or two values for one user.
    """
    if not columns:
        return {}
    table = read_table(path, "task.train", columns=[user, *columns])
    cells = zip(*(table.column(name, "task.group") for name in columns), strict=True)
    found, lines = dict[str, Strata](), dict[str, int]()
    for who, row, line in zip(_names(table, user, "task.user"), cells, table.lines, strict=True):
        named = [MISSING if _is_empty(cell) else label_of(cell) for cell in row]
        strata = tuple(zip(columns, named, strict=True))
        if found.setdefault(who, strata) != strata:
            raise DataError(
                f"{table.path}, line {line}: the user {who!r} is in another group of task.group than in line "
                f"{lines[who]}. A user is in one: correct it, or leave task.group out."
            )
        lines.setdefault(who, line)
    return found


def catalogue_of(path: str, *, item: str, text: str, name: str | None, tally: Tally) -> Catalogue:
    """The items of a file.

    Raises:
        DataError: a missing column or text, or two texts for one item.
    """
    table = read_table(path, "task.items", columns=[item, text, *([name] if name else [])])
    tally.note(table.notes)
    items = _names(table, item, "task.item")
    texts = _texts(table, text, "task.text")
    names = texts if name is None else _texts(table, name, "task.name")
    found = Catalogue({}, {}, table.path.name)
    lines: dict[str, int] = {}
    for key, said, called, line in zip(items, texts, names, table.lines, strict=True):
        if found.texts.setdefault(key, said) != said:
            raise DataError(
                f"{table.path}, line {line}: the item {key!r} has another text than in line {lines[key]}. An item has "
                f"one text: correct one of them, or give the second item a name of its own."
            )
        found.names.setdefault(key, called)
        lines.setdefault(key, line)
    if alike := len(found.texts) - len(set(found.texts.values())):
        tally.notes.append(f"{alike} items have the text of another one, from which they cannot be told apart")
    return found


def _names(table: Table, column: str, key: str) -> list[str]:
    """Who or what each row is about."""
    found = []
    for value, line in zip(table.column(column, key), table.lines, strict=True):
        if isinstance(value, list | dict | bytes | bool):
            raise DataError(
                f"{table.path}, line {line}: {value!r} in column {column!r} of {key} is a {type(value).__name__}, "
                f"which names nothing. Write a number or a word."
            )
        if _is_empty(value):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} of {key} is empty. Fill it in, or remove the row."
            )
        found.append(label_of(value))
    return found


def _texts(table: Table, column: str, key: str) -> list[str]:
    found = []
    for value, line in zip(table.column(column, key), table.lines, strict=True):
        if isinstance(value, list | dict | bytes):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} holds a {type(value).__name__}, not a text. Choose "
                f"another column with {key}, or write it as a string."
            )
        if _is_empty(value):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} is empty, and an item without text cannot be "
                f"recommended by its text. Fill it in, or remove the item and its interactions."
            )
        found.append(" ".join(mended(str(value)).split()))
    return found


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip()


def _numbers(table: Table, column: str, key: str) -> list[float]:
    found = []
    for value, line in zip(table.column(column, key), table.lines, strict=True):
        number = number_of(value)
        if number is None:
            raise DataError(
                f"{table.path}, line {line}: {value!r} in column {column!r} of {key} is no finite number. Correct it, "
                f"or remove the row."
            )
        found.append(number)
    return found


def _times(table: Table, column: str) -> list[float]:
    key = f"column {column!r} of task.timestamp"
    return times_of(
        table.column(column, "task.timestamp"), lambda place: f"{table.path}, line {table.lines[place]}", key
    )


def _high(
    found: list[Interaction], ratings: list[float], least: float, table: Table, tally: Tally
) -> list[Interaction]:
    kept = [row for row, rating in zip(found, ratings, strict=True) if rating >= least]
    if not kept:
        raise DataError(
            f"task.min_rating={least:g}: no rating in {table.path} is so high; they are {min(ratings):g} to "
            f"{max(ratings):g}. Give a lower one."
            if ratings
            else f"{table.path} has no rows."
        )
    tally.drop(len(found) - len(kept), f"a rating below {least:g}")
    return kept
