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
    with pytest.raises(DataError, match="1: '12/31/1970' in column has the month first"):
        times_of(["31/12/1970", "12/31/1970"], str, "column")


def test_eight_digits_of_a_calendar_are_dates_where_all_are():
    assert times_of([19700102, "19700103"], str, "column") == [86_400, 2 * 86_400]
    assert times_of([19700102, 19701302], str, "column") == [19700102, 19701302]
    assert times_of(["20261129.0"], str, "column") == times_of(["2026-11-29"], str, "column")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 1_795_000_000_000], "1: 1795000000000 in column is no number of seconds since 1970, but behind the year"),
        (["2026-11-29", ""], "1: '' in column is empty. Fill it in"),
        (["13/4/2026", "4/13/2026"], "1: '4/13/2026' in column has the month first, and other dates .* the day"),
    ],
)
def test_a_value_that_cannot_stand_in_its_column_is_told_with_the_reason(values, message):
    with pytest.raises(DataError, match=message):
        times_of(values, str, "column")
