"""Periods count, and an alarm names what it is of; by hand."""

import pytest

from accel.data.times import seconds_of_date
from accel.watch.stream import Said
from accel.watch.watched import watched


def said(day, label, text=""):
    return Said(text or f"{day}", seconds_of_date(f"2026-11-{day:02}") or 0.0, frozenset({label}))


def test_periods_count_their_texts_and_the_usual_ones_raise_no_alarm():
    texts = [said(1, "bad"), said(1, "bad"), said(1, "good"), said(2, "good"), said(2, "bad"), said(4, "bad")]
    found = watched("bad", texts, 4, "day", 2.0, 1.1)
    assert [(p.name, p.texts, p.hits, p.is_usual) for p in found.periods] == [
        ("2026-11-01", 3, 2, True),
        ("2026-11-02", 2, 1, True),
        ("2026-11-04", 1, 1, False),
    ]
    assert (found.usual_texts, found.usual_hits) == (4, 2)
    assert found.periods[0].sum == 0.0
    assert [alarm.period for alarm in found.alarms] == ["2026-11-02", "2026-11-04"]


def test_an_alarm_counts_from_its_beginning_and_quotes_the_newest_once():
    texts = [said(1, "good")] * 20 + [said(2, "good", "x")] + [said(n, "bad", f"t{n // 2}") for n in range(3, 9)]
    found = watched("bad", texts, 20, "day", 1.5, 5.0)
    alarm = found.alarms[0]
    assert (alarm.since, alarm.period, alarm.texts, alarm.hits) == ("2026-11-03", "2026-11-07", 5, 5)
    assert alarm.examples == ("t3", "t2", "t1")


@pytest.mark.parametrize("label", ["never", "bad"])
def test_a_label_that_all_or_none_have_is_watched(label):
    found = watched(label, [said(n, "bad") for n in range(1, 29)], 10, "week", 1.5, 100.0)
    assert not found.alarms
    assert 0 < found.watch.usual < 1
