import pytest

from accel.core.metric import ACCURACY, PERPLEXITY
from accel.report.behaviour import (
    MOST_PAIRS,
    calibration_section,
    change_section,
    interval_text,
    mistakes_section,
    p_text,
    sentences,
)
from accel.report.figures import headline
from accel.report.summary import summary
from tests.report.test_html import HOSTILE, active, full_record

PART = {
    "predictions": 100,
    "changed": 9,
    "right_to_wrong": 6,
    "wrong_to_right": 2,
    "wrong_before": 16,
    "wrong_after": 20,
}
BEHAVIOUR = {
    "unit": "texts", "agreement": 0.91, "probability_loyalty": 0.95, **PART, "mcnemar_p": 0.2890625,
    "difference": -0.04, "difference_interval": [-0.09, 0.01], "temperature": 1.5,
    "ece_before": 0.05, "ece_after": 0.08, "ece_scaled": 0.01, "nll_before": 0.4, "nll_after": 0.5, "nll_scaled": 0.45,
    "by_class": [{"label": "angry", **PART}], "by_length": [{"tokens": [4, 12], **PART}],
}  # fmt: skip


def record(**changes):
    return {**full_record(), "metrics": [], "behaviour": {**BEHAVIOUR, **changes}}


def test_the_terminal_is_told_in_two_sentences():
    flips, calibration = sentences(record())
    assert flips == "Changed its mind on 9.00% of 100 texts: 6 right -> wrong, 2 wrong -> right (McNemar p 0.29)."
    *_, worse = sentences(record(ece_scaled=0.09))
    assert worse.endswith("at temperature 1.50 it would not be lower, but 0.0900.")
    assert calibration == "Calibration error (ECE) 0.0500 -> 0.0800; at temperature 1.50 it would be 0.0100."
    assert list(sentences({})) == []


def test_numbers_have_a_sentence_of_their_own():
    moved = {"mean_abs_change": 0.25, "max_abs_change": 2.0, "farther_from_truth": 3, "predictions": 9}
    (sentence,) = sentences({"behaviour": moved})
    assert "moved by 0.25 on average, 2 at most; 3 of 9 away from the truth" in sentence


def test_rankings_have_a_sentence_of_their_own():
    ranked = {"same_first_ten": 0.875, "queries": 1200, "unit": "queries", "lost": 7, "found": 5}
    (sentence,) = sentences({"behaviour": ranked})
    assert sentence.startswith("87.5% of what is shown first is shown as before; of 1,200 queries, 7 no longer find")
    assert sentence.endswith("and 5 do now.")


def test_what_cannot_be_compared_is_said():
    assert list(sentences({"behaviour": {"unpaired": "other tokens"}})) == ["Not compared one by one: other tokens."]


@pytest.mark.parametrize(("metric", "expected"), [(ACCURACY, "-9.00 to +1.00"), (PERPLEXITY, "-0.0900 to +0.0100")])
def test_an_interval_has_the_unit_of_its_quality(metric, expected):
    assert interval_text(record(), metric) == f"95 % interval {expected}"
    assert interval_text({}, metric) == ""


def test_the_headline_says_with_which_interval():
    assert "95 % interval -9.00 to +1.00" in headline(record())


def test_the_page_shows_where_and_how_surely():
    page = change_section(record()) + calibration_section(record())
    for expected in ("angry", "4 to 12 tokens", "16.0%", "20.0%", "loyalty", "0.4500", "trainer.calibrate=true"):
        assert expected in page
    assert change_section({}) == calibration_section({}) == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_labels_are_text(name):
    assert active(change_section(record(by_class=[{"label": name, **PART}], unit=name))) == []


def test_trackers_get_figures_and_both_ends_of_the_interval():
    flat = summary(record())
    assert flat["behaviour/agreement"] == 0.91
    assert (flat["behaviour/difference_low"], flat["behaviour/difference_high"]) == (-0.09, 0.01)
    assert "behaviour/by_class" not in flat
    assert "behaviour/unit" not in flat


def test_no_p_is_zero():
    assert (p_text(0.034), p_text(1e-9)) == ("McNemar p 0.034", "McNemar p < 0.0001")


def confused(before, after, labels=("a", "b")):
    sides = {"before": before, "after": after}
    return {"data": {"labels": list(labels)}} | {s: {"confusion_matrix": m} for s, m in sides.items() if m}


def test_the_page_shows_which_label_is_taken_for_which_the_most_frequent_first():
    page = mistakes_section(confused([[90, 1], [7, 80]], [[88, 3], [5, 82]]))
    assert page.index("<td>b</td><td>a</td><td>7</td><td>5</td>") < page.index("<td>a</td><td>b</td><td>1</td>")
    assert '<span class="lost">+2</span>' in page
    assert "-2" in page
    assert "90" not in page  # what is right is no mistake
    assert "change" not in mistakes_section(confused(None, [[1, 2], [0, 3]]))


def test_no_mistakes_no_labels_and_many_labels():
    assert mistakes_section({}) == mistakes_section(confused(None, [[3, 0], [0, 3]])) == ""
    many = [[1] * 9] * 9
    assert mistakes_section(confused(many, many, [str(i) for i in range(9)])).count("<tr") == MOST_PAIRS + 1


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_text_among_mistakes(label):
    assert active(mistakes_section(confused(None, [[0, 1], [1, 0]], [label, "b"]))) == []
