"""Hours, days, weeks and months, in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

PERIODS: dict[str, Callable[[datetime], str]] = {
    "hour": lambda at: f"{at:%Y-%m-%d %H}:00",
    "day": lambda at: f"{at:%Y-%m-%d}",
    "week": lambda at: f"{at - timedelta(days=at.weekday()):%Y-%m-%d}",
    "month": lambda at: f"{at:%Y-%m}",
}
"""By name: how the period of a time is written; a week by its Monday."""


def period_of(seconds: float, by: str) -> str:
    """The period in which a time lies."""
    return PERIODS[by](datetime.fromtimestamp(seconds, UTC))
