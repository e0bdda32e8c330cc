import numpy as np

from accel.behaviour.examples import SHOWN, telling
from tests.behaviour.test_decisions import decided

TEXTS = [(f"text {i}",) for i in range(4)]


def test_flips_by_margin_and_mistakes_by_confidence():
    before = decided([0, 0, 1, 1], [0, 0, 1, 1], sure=0.6)
    after = decided([1, 0, 0, 1], [0, 0, 1, 0], sure=0.9)
    assert after.log_odds is not None
    after.log_odds[0] = np.log([0.3, 0.7])
    after.confidences[0] = 0.7
    found = telling(TEXTS, ["no", "yes"], before, after)
    assert [row["text"] for row in found["flips"]] == [["text 2"], ["text 0"]]
    assert found["flips"][1] == {
        "text": ["text 0"],
        "true": "no",
        "before": {"label": "no", "confidence": 0.6},
        "after": {"label": "yes", "confidence": 0.7},
    }
    assert [row["text"][0] for row in found["mistakes"]] == ["text 2", "text 3", "text 0"]


def test_without_a_model_before_there_are_mistakes_alone():
    found = telling(TEXTS, ["no", "yes"], None, decided([0, 0, 0, 0], [0, 1, 0, 0]))
    assert (found["flips"], len(found["mistakes"])) == ([], 1)
    assert "before" not in found["mistakes"][0]


def test_texts_with_several_decisions_are_not_listed_and_lists_are_short():
    assert telling(TEXTS, ["no", "yes"], None, decided([0, 0, 0, 0], [1, 1, 1, 1], examples=[0, 0, 1, 1])) == {}
    many = decided([0] * 50, [1] * 50)
    assert len(telling([("x",)] * 50, ["no", "yes"], None, many)["mistakes"]) == SHOWN
