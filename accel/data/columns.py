"""A table's columns as examples: texts, labels, and what rows belong to. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from accel.data.examples import MISSING, Example, Tally
from accel.data.spelling import LONE, label_of, mended, notes_on_labels
from accel.data.table import Table
from accel.errors import DataError


def examples_of(
    table: Table,
    text_columns: Sequence[str],
    label_column: str,
    tally: Tally,
    group_column: str | None = None,
    read: Callable[[Table, str, Tally], list[str]] | None = None,
) -> list[Example]:
    """The table's rows as examples; rows without text are dropped and counted.

    Args:
        group_column: of what stays in one split; None where each text goes by itself.
        read: makes the labels of a column; names of classes when absent.

    Raises:
        DataError: a missing column, label or group, a label that is no class, or no text at all.
    """
    tally.note(table.notes)
    columns = [texts_of(table, name, tally) for name in text_columns]
    labels = (read or labels_of)(table, label_column, tally)
    groups = groups_of(table, group_column) if group_column else [""] * len(labels)
    found = [
        Example(texts, label, f"line {line}", group)
        for texts, label, group, line in zip(zip(*columns, strict=True), labels, groups, table.lines, strict=True)
    ]
    with_text = [e for e in found if any(t.strip() for t in e.texts)]
    if not with_text:
        raise DataError(
            f"task.text={','.join(text_columns)}: all texts in {table.path} are empty. Choose another column."
        )
    tally.drop(len(found) - len(with_text), f"no text in {table.path.name}")
    return with_text


def texts_of(table: Table, column: str, tally: Tally) -> list[str]:
    """A column as texts; what is missing is empty, and halves of characters are replaced and counted.

    Raises:
        DataError: there is no such column, or it holds no texts.
    """
    values = table.column(column, "task.text")
    for value, line in zip(values, table.lines, strict=True):
        if isinstance(value, list | dict | bytes):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} holds a {type(value).__name__}, not a text. Choose "
                f"another column with task.text, or write it as a string."
            )
    texts = ["" if value is None or _is_nan(value) else str(value) for value in values]
    broken = [line for text, line in zip(texts, table.lines, strict=True) if LONE.search(text)]
    if broken:
        tally.notes.append(
            f"{len(broken)} text{'s' * (len(broken) > 1)} of {table.path.name} with half a character (a lone "
            f"surrogate), which is replaced; first in line {broken[0]}"
        )
    return [mended(text) for text in texts] if broken else texts


def pairs_of(table: Table, columns: Sequence[str], tally: Tally, because: str) -> tuple[list[str], list[str]]:
    """Two columns as texts, of which none is empty: a row with half a pair is a mistake of its owner, who is told.

    Args:
        because: why both are needed, for the message.

    Raises:
        DataError: there is no such column, or a text is missing.
    """
    first, second = (texts_of(table, name, tally) for name in columns)
    for line, *pair in zip(table.lines, first, second, strict=True):
        for name, text in zip(columns, pair, strict=True):
            if not text.strip():
                raise DataError(
                    f"{table.path}, line {line}: column {name!r} is empty, and {because}. Fill it in, or "
                    f"remove the row."
                )
    return first, second


def groups_of(table: Table, column: str) -> list[str]:
    """What each row is part of, as ``task.split_by`` names it.

    Raises:
        DataError: there is no such column, or a row is part of nothing.
    """
    values = table.column(column, "task.split_by")
    for value, line in zip(values, table.lines, strict=True):
        if _is_missing(value):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} of task.split_by is empty, so nobody knows what must "
                f"stay together with this row. Fill it in, or remove the row."
            )
    return [label_of(value) for value in values]


def labels_of(table: Table, column: str, tally: Tally) -> list[str]:
    """A column as names of classes.

    Raises:
        DataError: a missing column or label, or one that is no class.
    """
    values = filled(table, column)
    labels = [_label_of(table, line, column, value) for value, line in zip(values, table.lines, strict=True)]
    tally.note(notes_on_labels([str(value).strip() for value in values], labels))
    return labels


def filled(table: Table, column: str) -> list[Any]:
    """What a column has to say of each row.

    Raises:
        DataError: there is no such column, or it is empty somewhere.
    """
    values = table.column(column, "task.label")
    missing = [line for value, line in zip(values, table.lines, strict=True) if _is_missing(value)]
    if missing:
        raise DataError(
            f"{table.path}, line {missing[0]}: the label in column {column!r} is missing, as it is in {len(missing)} "
            f"of {len(values)} rows. Fill it in, or remove the row; texts without labels may stand in a file of "
            f"their own, task.unlabelled=FILE."
        )
    return values


def _is_missing(value: Any) -> bool:
    """A word such as ``nan`` is none: it is the code of a language, or somebody's name."""
    return value is None or _is_nan(value) or not label_of(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _label_of(table: Table, line: int, column: str, value: Any) -> str:
    if isinstance(value, list | dict | bytes):
        raise DataError(
            f"{table.path}, line {line}: the label in column {column!r} is a {type(value).__name__}. This task gives "
            f"each text exactly one label: write one number or word."
        )
    if isinstance(value, float) and math.isinf(value):
        raise DataError(
            f"{table.path}, line {line}: the label {value} in column {column!r} is no class. Write a number or a word."
        )
    if LONE.search(str(value)):
        raise DataError(
            f"{table.path}, line {line}: the label {value!a} in column {column!r} holds half a character (a lone "
            f"surrogate), so it was cut in two somewhere. Correct it."
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return label_of(value)


def owned(examples: Sequence[Example], table: Table, column: str) -> list[Example]:
    """The same examples of a table's rows, each with its owner.

    Raises:
        DataError: there is no such column, or a row's is empty.
    """
    owners = dict(zip(table.lines, table.column(column, "task.owner"), strict=True))
    nobody = [line for line, owner in owners.items() if _is_missing(owner)]
    if nobody:
        raise DataError(
            f"{table.path}, line {nobody[0]}: the owner in column {column!r} is missing, as it is in {len(nobody)} of "
            f"{len(owners)} rows. Fill it in, or remove the row."
        )
    return [replace(e, owner=label_of(owners[int(e.where.removeprefix("line "))])) for e in examples]


def stratified(examples: Sequence[Example], table: Table, columns: Sequence[str]) -> list[Example]:
    """The same examples of a table's rows, each with its groups; an empty cell is a group too.

    Raises:
        DataError: there is no such column.
    """
    values = {name: dict(zip(table.lines, table.column(name, "task.group"), strict=True)) for name in columns}

    def strata(example: Example) -> tuple[tuple[str, str], ...]:
        line = int(example.where.removeprefix("line "))
        cells = ((name, column[line]) for name, column in values.items())
        return tuple((name, MISSING if _is_missing(cell) else label_of(cell)) for name, cell in cells)

    return [replace(e, strata=strata(e)) for e in examples]
