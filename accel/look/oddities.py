"""What is odd about a table, so that its owner mends the file and not the command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from accel.data.table import Table
from accel.look.columns import Column
from accel.look.names import names_label

NOTHING = frozenset({
    "n/a", "na", "#n/a", "nan", "none", "null", "nil", "-", "--", "?", "missing", "unknown", "tbd",
    "未知", "不详", "缺失", "无",
})  # fmt: skip
"""What people write where there is nothing to write."""


def oddities_of(table: Table, columns: Sequence[Column]) -> list[str]:
    """In sentences."""
    return [*_headers(table), *_values(columns)]


def _headers(table: Table) -> Iterator[str]:
    if table.nameless:
        what = "1 column has" if table.nameless == 1 else f"{table.nameless} columns have"
        yield f"{what} no name in the first line and are not read: where that line is a title, remove it"
    for name, count in Counter(table.columns).items():
        if count > 1:
            yield f"{count} columns are called {name!r}, and none of them is read: give each a name of its own"


def _values(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if column.thousands:
            yield f"{column.name!r} holds numbers with commas between thousands, which are words here: write 6967"
        elif column.decimal_commas:
            yield f"{column.name!r} holds numbers with a decimal comma, which are words here: write a point, 4.5"
        elif column.cells and not column.values and str(column.name).strip():
            yield f"{column.name!r} is empty in every row"
        elif column.distinct == 1 and len(column.values) > 1 and names_label(column):
            yield f"{column.name!r} has one value in all rows, so there is nothing to tell apart"
        elif names_label(column) and (blank := [text for text in column.counts if text.casefold() in NOTHING]):
            yield _label_of_nothing(column, blank)
        elif len(str(column.name)) > 1 and column.counts[str(column.name)]:
            yield f"{column.name!r} names a column and is a value of it: has the file no header? Then put one above"


def _label_of_nothing(column: Column, blank: Sequence[str]) -> str:
    which = " and ".join(repr(text) for text in blank)
    count = sum(column.counts[text] for text in blank)
    rows = "1 row has" if count == 1 else f"{count:,} rows have"
    return f"{rows} {which} in {column.name!r}, which is a label like any other: where nobody knows it, remove the row"
