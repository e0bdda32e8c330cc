"""Means by group, beside those that are computed by hand, and their intervals."""

import numpy as np
import pytest

from accel.behaviour.fairness import groups_of
from accel.behaviour.found import Found
from accel.behaviour.means import means
from accel.behaviour.numbers import Numbers
from accel.core.metric import BIAS, MAE, OF_SPANS, stated
from accel.report.fairness import section, sentences

GROUPS = groups_of("gender", ["f"] * 60 + ["m"] * 40)


def found(hits, overlaps):
    count = len(hits)
    empty = np.full((count, 2), -1)
    return Found(np.arange(count), empty, empty, np.array(hits), np.array(overlaps), np.full(count, 0.5))


AFTER = found(
    [True] * 30 + [False] * 30 + [True] * 10 + [False] * 30, [1.0] * 30 + [0.5] * 30 + [1.0] * 10 + [0.0] * 30
)
BEFORE = found([True] * 60 + [True] * 30 + [False] * 10, [1.0] * 60 + [1.0] * 30 + [0.0] * 10)


def test_means_differences_and_the_group_that_lost_most():
    told = means(GROUPS, BEFORE, AFTER)
    assert {name: own["after"]["f1"] for name, own in told["groups"].items()} == {"f": 0.75, "m": 0.25}
    assert {name: own["after"]["exact_match"] for name, own in told["groups"].items()} == {"f": 0.5, "m": 0.25}
    assert told["groups"]["m"]["after"]["ece"] == pytest.approx(0.25)
    assert told["exact_match_gap_after"] == 0.25
    assert told["f1_gap_before"] == 0.25
    assert (told["worst_group"], told["worst_before"], told["worst_after"]) == ("m", 0.75, 0.25)
    assert told["hit_hardest"] == "m"
    assert told["changes"]["f"]["change"] == pytest.approx(-0.25)
    low, high = told["groups"]["m"]["after"]["exact_match_interval"]
    deviation = np.sqrt(0.25 * 0.75 / 40)
    assert (low, high) == (
        pytest.approx(0.25 - 1.96 * deviation, abs=0.03),
        pytest.approx(0.25 + 1.96 * deviation, abs=0.03),
    )
    change = told["exact_match_gap_change_interval"]
    assert change[0] < 0.25 - 0.25 < change[1]


def test_a_model_beside_itself_has_changed_nothing():
    told = means(GROUPS, AFTER, AFTER)
    assert told["hardest_change"] == 0
    assert told["f1_gap_change_interval"] == [0, 0]
    alone = means(GROUPS, None, AFTER)
    assert "changes" not in alone
    assert alone["groups"]["f"]["after"] == told["groups"]["f"]["after"]


def test_the_report_and_the_terminal_tell_it():
    record = {"fairness": means(GROUPS, BEFORE, AFTER)}
    (line,) = sentences(record)
    assert "worst is m (0.750 -> 0.250)" in line
    assert "difference of exact match 0.250 -> 0.250" in line
    page = section(record)
    assert "<th>exact match" in page
    assert "1.000 → 0.500" in page
    assert "rates are of the label" not in page


def numbers(errors):
    zeros = np.zeros(100)
    return Numbers(np.arange(100), zeros, np.array(errors, dtype=float))


def test_of_numbers_the_largest_error_is_worst_and_too_much_is_told_from_too_little():
    before, after = numbers([0.5] * 60 + [-0.5] * 40), numbers([1.0] * 60 + [-0.25] * 40)
    told = means(GROUPS, before, after)
    assert told["scores"] == stated([MAE, BIAS])
    assert (told["worst_group"], told["worst_before"], told["worst_after"]) == ("f", 0.5, 1.0)
    assert (told["hit_hardest"], told["hardest_change"]) == ("f", 0.5)
    assert told["bias_gap_before"] == 1.0
    assert told["bias_gap_after"] == 1.25
    assert told["mae_gap_before"] == 0.0
    (line,) = sentences({"fairness": told})
    assert "worst is f (MAE 0.500 -> 1.000), hardest hit f (+0.500, 95 %" in line
    page = section({"fairness": told})
    assert '<b class="lost">+0.500 to +0.500</b>' in page
    assert page.count('class="lost"') == 1
    assert "[points]" not in page
    assert "1.000 to 1.000" in page
    assert "ECE" not in page


def test_spans_are_told_by_the_same_words_as_before():
    assert means(GROUPS, None, AFTER)["scores"] == stated(OF_SPANS[:2])
