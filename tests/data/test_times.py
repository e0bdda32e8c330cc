"""Seconds and dates; a column has one of both."""

from datetime import date, datetime

import pytest

from accel.data.times import number_of, seconds_of_date, times_of
from accel.errors import DataError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:02.5", 2.5),
        (date(1970, 1, 2), 86_400),
        (datetime(1970, 1, 1, 0, 1), 60),
        ("soon", None),
        (None, None),
    ],
)
def test_a_date_without_a_zone_is_utc(value, seconds):
    assert seconds_of_date(value) == seconds


@pytest.mark.parametrize(
    ("value", "number"), [("7", 7), (2.5, 2.5), (True, None), ("nan", None), ("inf", None), ("x", None)]
)
def test_a_number_is_finite(value, number):
    assert number_of(value) == number


def test_what_is_no_time_is_told_with_its_place():
    assert times_of(["1", 2.5], str, "column") == [1, 2.5]
    with pytest.raises(DataError, match="1: 'soon' in column is no time"):
        times_of(["1", "soon"], str, "column")
    with pytest.raises(DataError, match=r"column holds a date \(1\) and a number \(0\)"):
        times_of(["1", "2026-11-29"], str, "column")


def test_a_column_says_which_of_day_and_month_comes_first():
    assert times_of(["03/04/1970", "31/12/1970"], str, "column") == times_of(
        ["1970-04-03", "1970-12-31"], str, "column"
    )
    assert times_of(["03/04/1970", "12/31/1970"], str, "column") == times_of(
        ["1970-03-04", "1970-12-31"], str, "column"
    )
    with pytest.raises(DataError, match="0: '03/04/1970' in column may have the day or the month first"):
        times_of(["03/04/1970"], str, "column")
    with pytest.raises(DataError, match="1: '12/31/1970' in column is no time"):
        times_of(["31/12/1970", "12/31/1970"], str, "column")
