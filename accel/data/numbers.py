"""A column of numbers to predict, each told to the last digit; no torch."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from accel.data.columns import filled
from accel.data.examples import Tally
from accel.data.table import Table
from accel.errors import DataError

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
LARGEST = 1e100
"""Squares of numbers beyond it are no numbers any more."""


def numbers_of(table: Table, column: str, tally: Tally) -> list[str]:
    """A column's numbers, so written that equal numbers are equal words: ``4`` is ``4.0``.

    Raises:
        DataError: there is no such column, or a row has no number.
    """
    del tally
    return [
        _written(_number(value, f"{table.path}, line {line}", column))
        for value, line in zip(filled(table, column), table.lines, strict=True)
    ]


def _number(value: Any, where: str, column: str) -> float:
    what = f"{where}: {value!r} in column {column!r}"
    if isinstance(value, str):
        return _finite(_parsed(value.strip(), what), what)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise DataError(f"{what} is a {type(value).__name__}, not a number. Write a number, such as 4.5.")
    return _finite(float(value) if abs(value) < LARGEST else math.inf, what)


def _parsed(written: str, what: str) -> float:
    if NUMBER.fullmatch(written):
        return float(written)
    if NUMBER.fullmatch(written.replace(",", ".", 1)):
        raise DataError(f"{what} is no number: write a decimal point, 4.5, and no comma between thousands.")
    if written.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        raise DataError(f"{what} is no number that can be learned. Correct it, or remove the row.")
    raise DataError(
        f"{what} is no number. Write the number alone, such as 4.5; what has names is for task=text_classification."
    )


def _finite(number: float, what: str) -> float:
    if not abs(number) < LARGEST:
        raise DataError(f"{what} is not finite, or beyond {LARGEST:.0e}. Correct it, or use another unit.")
    return number


def _written(number: float) -> str:
    return repr(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
