import numpy as np
import pytest

from accel.behaviour.fairness import fairness, groups_of
from accel.core.metric import ACCURACY, stated
from accel.report.fairness import section, sentences
from accel.report.html import render
from accel.report.summary import summary
from tests.behaviour.test_decisions import decided
from tests.behaviour.test_fairness import TABLE, rows
from tests.report.test_html import HOSTILE, active, full_record


def record(name="b", before=True, small="tiny"):
    values, after = rows(TABLE)
    named = [small] * 5 + [name if value == "b" else value for value in values[5:]]
    was = decided(after.truths, after.truths) if before else None
    found = fairness(groups_of(name, named), [name, "yes"], was, after, "accuracy")
    return {**full_record(), "metrics": stated([ACCURACY]), "fairness": {**found, "others": [found]}}


def test_the_terminal_is_told_in_one_line():
    (line,) = sentences(record())
    for expected in (
        "By b: worst is b (1.000 -> 0.500)",
        "hardest hit b (-50.00 points, 95 % -59.44",
        "odds difference 0.000 -> 0.500",
    ):
        assert expected in line
    assert list(sentences({})) == []


def test_a_single_group_is_no_worst_one():
    found = {"group": "city", "groups": {"others": {}}, "merged": {"Paris": 9, "Rome": 8}}
    (line,) = sentences({"fairness": found})
    assert "nothing to compare" in line
    assert "2 small ones put together" in line
    (line,) = sentences({"fairness": {**found, "groups": {"Paris": {}}, "merged": {}}})
    assert line.endswith("one group (Paris).")


def test_the_page_compares_a_single_group_with_nothing():
    values, after = rows(TABLE)
    some = after.rows(np.arange(len(values)) < 10)
    found = fairness(groups_of("city", ["tiny"] * 5 + ["small"] * 5), ["no", "yes"], None, some, "accuracy")
    assert "demographic_parity_after" not in found
    assert "worst_group" not in found
    page = section({"fairness": found, "metrics": stated([ACCURACY])})
    assert "nothing to compare" in page
    assert "difference" not in page


def test_others_that_are_few_are_named():
    (line,) = sentences(record(small="tiny"))
    assert "others" not in line
    found = {**record()["fairness"], "worst_group": "others"}
    (line,) = sentences({**record(), "fairness": found})
    assert "worst is others (tiny)" in line
    found["merged"] = {str(n): 1 for n in range(9)}
    (line,) = sentences({**record(), "fairness": found})
    assert "worst is others (1.000" in line


def test_the_page_says_who_got_worse():
    page = render(record(), "", {})
    for expected in ("Who got worse", "tiny (5)", "false alarms", "equalized-odds difference", 'class="lost"'):
        assert expected in page
    alone = render({**record(before=False), "before": None}, "", {})
    assert "By group" in alone
    assert "change [points]" not in alone
    assert section({}) == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_groups_are_text(name):
    assert active(section(record(name=name, small=f"{name}2"))) == []


def test_trackers_are_told_the_worst_group():
    flat = summary(record())
    assert (flat["fairness/worst_group"], flat["fairness/worst_after"]) == ("b", 0.5)
    assert "fairness/groups" not in flat
