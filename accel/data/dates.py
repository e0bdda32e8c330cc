"""Dates as people write them, read as ISO dates; which of day and month comes first is decided by the whole column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})(?:\s*日)?(?P<rest>.*)"
)
_YEAR_LAST = re.compile(r"(?P<one>\d{1,2})(?P<sign>[-/.])(?P<two>\d{1,2})(?P=sign)(?P<year>\d{4})(?P<rest>.*)")
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_SHORT = 3
_MONTH = rf"(?P<month>{'|'.join(f'{name[:_SHORT]}(?:{name[_SHORT:]})?' for name in _MONTHS)}|sept)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_CLOCK = r"(?:(?:,?\s+|T)\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:\s*[ap]\.?m\.?)?(?:\s+\S+)?(?:\s+\([^)]*\))?)?"
_NAMED = [
    re.compile(_WEEKDAY + pattern, re.IGNORECASE)
    for pattern in (
        rf"{_DAY}[\s-]+{_MONTH},?[\s-]+(?P<year>\d{{4}})(?P<rest>{_CLOCK})",  # of mails, and of English people
        rf"{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})(?P<rest>{_CLOCK})",  # of Americans
        rf"{_MONTH}\s+{_DAY}(?P<rest>{_CLOCK})\s+(?P<year>\d{{4}})",  # of logs and of tweets
    )
]
"""Dates with the English name of a month, which nothing can mistake."""
_TIME = re.compile(
    r",?[\sT]+(?P<hour>\d{1,2})(?P<minutes>:\d{2}(?::\d{2}(?:\.\d+)?)?)(?:\s*(?P<half>[ap])\.?m\.?)?"
    r"(?:\s+(?:GMT|UTC|Z|(?P<offset>[+-]\d{2}:?\d{2}))(?P<zoned>)(?:\s+\([^)]*\))?)?",
    re.IGNORECASE,
)
MONTHS = 12
NOON = 12
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
    for named in _NAMED:
        if match := named.fullmatch(text):
            month = 1 + [name[:_SHORT] for name in _MONTHS].index(match["month"][:_SHORT].lower())
            clock = _clock(match["rest"])
            return None if clock is None else _iso(match["year"], str(month), match["day"], clock)
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


def _clock(rest: str) -> str | None:
    """The time behind a date with a month's name, as ISO writes it; None where it is none, or of a zone with a name."""
    if not rest:
        return ""
    match = _TIME.fullmatch(rest)
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if half:
        hour = hour % NOON + (NOON if half == "p" else 0)
    zone = "" if match["zoned"] is None else match["offset"] or "+00:00"
    return f" {hour:02}{match['minutes']}{zone}"


def _iso(year: str, month: str, day: str, rest: str) -> str:
    return f"{year}-{int(month):02}-{int(day):02}{rest}"
