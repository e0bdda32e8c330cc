import pytest

from accel.data.dates import day_stands_first, is_ambiguous, iso_date


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("31.12.2026", "2026-12-31"),
        ("1.2.2026 14:05", "2026-02-01 14:05"),
        ("2026/1/5", "2026-01-05"),
        ("2026年1月5日", "2026-01-05"),
        ("2026.01.05T10:00:00", "2026-01-05T10:00:00"),
        ("5/5/2026", "2026-05-05"),
        ("5/6/2026", None),
        ("soon", None),
        ("1.2/2026", None),
        ("Thu, 01 Jan 2026 10:00:00 +0200 (CEST)", "2026-01-01 10:00:00+0200"),
        ("Thu, 1 Jan 2026 10:00 GMT", "2026-01-01 10:00+00:00"),
        ("Tue Feb 24 11:35:52 -0800 2015", "2015-02-24 11:35:52-0800"),
        ("January 1st, 2026", "2026-01-01"),
        ("2 Sept 2026, 10:00", "2026-09-02 10:00"),
        ("03-Dec-2026", "2026-12-03"),
        ("Mayhem 3, 2026", None),
        ("monkey 1 Jan 2026", None),
        ("Feb 24 1135 2015", None),
        ("Thu, 1 Jan 2026 9:05:00 GMT", "2026-01-01 09:05:00+00:00"),
        ("Jan 5, 2026 3:00 PM", "2026-01-05 15:00"),
        ("Jan 5, 2026 12:30 am", "2026-01-05 00:30"),
        ("Thu, 1 Jan 2026 10:00:00 +0200 (Central European Time)", "2026-01-01 10:00:00+0200"),
        ("Thu, 1 Jan 2026 10:00:00 EST", None),
        ("Thursday, 1 January 2026", "2026-01-01"),
        ("Jan 2026", None),
    ],
)
def test_a_date_that_can_be_read_in_one_way_is_read(text, iso):
    assert iso_date(text, day_first=None) == iso


def test_what_can_be_read_in_two_ways_is_read_as_its_column_says():
    assert [iso_date("5/6/2026", first) for first in (True, False)] == ["2026-06-05", "2026-05-06"]
    assert iso_date("5.6.2026", day_first=False) == "2026-06-05"  # points stand behind days, whatever the rest says


def test_one_part_beyond_12_tells_for_a_column():
    assert day_stands_first(["5/6/2026", "13/6/2026", None, 7]) is True
    assert day_stands_first(["5/6/2026", "6-13-2026"]) is False
    assert day_stands_first(["5/6/2026", "2026-06-13"]) is None
    assert day_stands_first(["5/6/2026", "13.06.2026"]) is None


def test_only_what_has_two_readings_is_ambiguous():
    assert [is_ambiguous(text) for text in ("5/6/2026", "13/6/2026", "5.6.2026", "soon")] == [True, False, False, False]
