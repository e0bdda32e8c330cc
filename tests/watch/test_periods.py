"""Periods are written as people sort them."""

import pytest

from accel.data.times import seconds_of_date
from accel.watch.periods import period_of


@pytest.mark.parametrize(
    ("by", "name"),
    [("hour", "2026-11-29 19:00"), ("day", "2026-11-29"), ("week", "2026-11-23"), ("month", "2026-11")],
)
def test_a_time_lies_in_its_period(by, name):
    seconds = seconds_of_date("2026-11-29T20:36:00+01:00")
    assert seconds is not None
    assert period_of(seconds, by) == name
