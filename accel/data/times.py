"""When something was: columns of seconds or of dates, with errors that say where; no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from accel.data.dates import day_stands_first, is_ambiguous, iso_date
from accel.errors import DataError


def times_of(values: Sequence[Any], where: Callable[[int], str], column: str) -> list[float]:
    """Seconds: numbers as they stand, or dates; a column has one of both.

    Args:
        where: the file and line of a row, by its place.
        column: what the user calls it, for messages.

    Raises:
        DataError: a value is no time, or some are numbers and some are dates.
    """
    kinds: dict[bool, int] = {}
    found, day_first = [], day_stands_first(values)
    for place, value in enumerate(values):
        number = number_of(value)
        seconds = seconds_of_date(value, day_first) if number is None else number
        if seconds is None:
            raise DataError(f"{where(place)}: {value!r} in {column} {_no_time(value, day_first)}")
        kinds.setdefault(number is None, place)
        found.append(seconds)
    if len(kinds) == 2:
        raise DataError(
            f"{column} holds a date ({where(kinds[True])}) and a number ({where(kinds[False])}), which cannot be put "
            f"in order. Write all of them in one way."
        )
    return found


def _no_time(value: Any, day_first: bool | None) -> str:
    if isinstance(value, str) and day_first is None and is_ambiguous(value):
        return (
            "may have the day or the month first, and no date of the column has a part beyond 12 that would tell. "
            "Write it as 2026-11-29."
        )
    return "is no time. Write seconds, or a date such as 2026-11-29 or 2026-11-29T19:36:00."


def number_of(value: Any) -> float | None:
    """A finite number, also one that is written as a text."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def seconds_of_date(value: Any, day_first: bool | None = None) -> float | None:
    """Since 1970; a date without a zone is UTC.

    Args:
        day_first: whether 3/4/2026 is in April; None where nothing says, and it is no date.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(iso_date(value, day_first) or value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return None
