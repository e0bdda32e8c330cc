import pytest

from accel.report.explanation import section
from tests.report.test_html import HOSTILE, active

RECORD = {
    "explanation": {
        "method": "occlusion", "texts": 14, "top": 5, "overlap": 0.74, "overlap_interval": [0.61, 0.86],
        "rank_correlation": 0.81, "rank_correlation_interval": [0.7, 0.9],
    }
}  # fmt: skip


def row(text, words, label="bad"):
    spans = [(0, start := text.index(word), start + len(word)) for word in words]
    side = {"answer": {"label": label, "score": 0.5}, "words": words, "attributions": [1.0, -0.5], "spans": spans}
    return {
        "text": [text], "target": label, "rank_correlation": -0.25, "top": 2, "overlap": 0.5,
        "before": side, "after": {**side, "attributions": [-0.5, 1.0]},
    }  # fmt: skip


def test_the_figures_have_intervals_and_both_models_colour_the_words():
    page = section(RECORD, {"explanations": [row("rude crew", ["rude", "crew"])]})
    assert "74% (61% to 86%) are the same before and after" in page
    assert "a rank correlation of 0.81 (0.70 to 0.90)" in page
    assert "rank correlation -0.25, 1 of the 2 most important words are the same" in page
    before, after = page.split("before: ")[1].split("after: ")
    assert before.index("rgba(37,99,201,0.60)") < before.index("rgba(217,130,43,0.30)")
    assert after.index("rgba(217,130,43,0.30)") < after.index("rgba(37,99,201,0.60)")


def test_texts_that_may_not_be_shown_leave_the_figures():
    page = section(RECORD, {})
    assert "74%" in page
    assert "Least alike" not in page
    assert section({"explanation": None}, {"explanations": [row("a b", ["a", "b"])]}) == ""


def test_words_in_a_row_that_stand_in_no_order_are_told_by_their_overlap():
    bare = {key: value for key, value in RECORD["explanation"].items() if "rank" not in key}
    assert "rank" not in section({"explanation": bare}, {})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text(text):
    rows = [row(f"{text} crew", [text, "crew"], label=text)]
    assert active(section(RECORD, {"explanations": rows})) == []
