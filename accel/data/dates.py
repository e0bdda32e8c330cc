"""Dates as people write them, read as ISO dates; which of day and month comes first is decided by the whole column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})(?:\s*日)?(?P<rest>.*)"
)
_YEAR_LAST = re.compile(r"(?P<one>\d{1,2})(?P<sign>[-/.])(?P<two>\d{1,2})(?P=sign)(?P<year>\d{4})(?P<rest>.*)")
MONTHS = 12
DAY_FIRST = "."
"""Between numbers it stands in countries that write the day first."""


def day_stands_first(values: Iterable[Any]) -> bool | None:
    """Whether a column writes the day before the month; None where each of its dates may be read both ways.

    True and False also where a part beyond 12 contradicts another: what it contradicts is then no date.
    """
    texts = (value.strip() for value in values if isinstance(value, str))
    found = [match for text in texts if (match := _YEAR_LAST.fullmatch(text)) and match["sign"] != DAY_FIRST]
    if any(int(match["one"]) > MONTHS for match in found):
        return True
    return False if any(int(match["two"]) > MONTHS for match in found) else None


def iso_date(text: str, day_first: bool | None) -> str | None:
    """The date as ISO writes it, with its time behind it; None where it is no date, or may be two."""
    text = text.strip()
    if match := _YEAR_FIRST.fullmatch(text):
        return _iso(match["year"], match["month"], match["day"], match["rest"])
    match = _YEAR_LAST.fullmatch(text)
    if match is None:
        return None
    one, two = match["one"], match["two"]
    first = True if match["sign"] == DAY_FIRST else day_first
    if first is None and one != two:
        return None
    return _iso(match["year"], *((two, one) if first else (one, two)), match["rest"])


def is_ambiguous(text: str) -> bool:
    """Whether it is a date with either of its parts as the month."""
    match = _YEAR_LAST.fullmatch(text.strip())
    return bool(match) and match["sign"] != DAY_FIRST and max(int(match["one"]), int(match["two"])) <= MONTHS


def _iso(year: str, month: str, day: str, rest: str) -> str:
    return f"{year}-{int(month):02}-{int(day):02}{rest}"
