"""When something was: columns of seconds or of dates, with errors that say where; no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from accel.data.dates import day_stands_first, is_ambiguous, iso_date
from accel.errors import DataError

LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""The end of the calendar; milliseconds since 1970, read as seconds, are far behind it."""
DAY = re.compile(r"(19|20|21)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


def times_of(values: Sequence[Any], where: Callable[[int], str], column: str) -> list[float]:
    """Seconds: numbers as they stand, or dates; a column has one of both.

    Args:
        where: the file and line of a row, by its place.
        column: what the user calls it, for messages.

    Raises:
        DataError: a value is no time, or some are numbers and some are dates.
    """
    kinds: dict[bool, int] = {}
    values = dated(values)
    found, day_first = [], day_stands_first(values)
    for place, value in enumerate(values):
        number = number_of(value)
        seconds = seconds_of_date(value, day_first) if number is None else number
        if seconds is None:
            raise DataError(f"{where(place)}: {value!r} in {column} {_no_time(value, day_first)}")
        if seconds > LATEST:
            raise DataError(
                f"{where(place)}: {value!r} in {column} is no number of seconds since 1970, but behind the year 9999. "
                f"Milliseconds are divided by 1,000 first; a date is written as 2026-11-29."
            )
        kinds.setdefault(number is None, place)
        found.append(seconds)
    if len(kinds) == 2:
        raise DataError(
            f"{column} holds a date ({where(kinds[True])}) and a number ({where(kinds[False])}), which cannot be put "
            f"in order. Write all of them in one way."
        )
    return found


def dated(values: Sequence[Any]) -> Sequence[Any]:
    """The values, as ISO dates where all of them are numbers such as 20261129."""
    found = [str(value).removesuffix(".0") for value in values if not isinstance(value, bool)]
    dates = [f"{text[:4]}-{text[4:6]}-{text[6:]}" for text in found if DAY.fullmatch(text)]
    whole = bool(values) and len(dates) == len(values) and all(map(seconds_of_date, dates))
    return dates if whole else values


def _no_time(value: Any, day_first: bool | None) -> str:
    if value is None or not str(value).strip():
        return "is empty. Fill it in, or remove the row."
    if isinstance(value, str) and day_first is not None and iso_date(value, not day_first):
        first, other = ("day", "month") if day_first else ("month", "day")
        return f"has the {other} first, and other dates of the column the {first}. Write all of them as 2026-11-29."
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
