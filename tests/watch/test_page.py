"""The page has a bar for each period, and texts of strangers are only text."""

from accel.watch.page import render
from accel.watch.watched import watched
from tests.watch.test_watched import said


def test_bars_are_coloured_by_what_they_say_and_texts_are_escaped():
    texts = [said(1, "good")] * 20 + [said(2, "good")] + [said(3, "bad", "<b>\x1b[2J</b>")] * 9
    found = watched("bad", texts, 20, "day", 1.5, 5.0)
    page = render([found], "<i>.csv", "day", ["a & b"])
    assert [page.count(f'rect class="{kind}"') for kind in ("dense", "after", "alarm")] == [1, 1, 1]
    assert "a &amp; b" in page
    assert "&lt;b&gt;" in page
    assert not any(text in page for text in ("<b>", "<i>", "\x1b"))
    assert "100% of 9" in page


def test_labels_with_alarms_come_first():
    texts = [said(1, "good")] * 20 + [said(3, "bad")] * 9
    found = [watched(label, texts, 20, "day", 1.5, 5.0) for label in ("good", "bad")]
    page = render(found, "x.csv", "day", ["first sentence", "second sentence"])
    assert page.index("second sentence") < page.index("first sentence")
