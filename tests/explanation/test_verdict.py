import json
from dataclasses import replace

import pytest

from accel.explanation.against import shift
from accel.explanation.attribution import Attribution
from accel.explanation.checks import Curves
from accel.explanation.method import method_of
from accel.explanation.verdict import Checked, plain, sentences

ONE = Attribution(
    "rude crew", {"label": "bad", "score": 0.9, "scores": {"bad": 0.9}}, ["rude crew"], "bad",
    ["rude", "crew"], [1.0, -0.25], [(0, 0, 4), (0, 5, 9)], difference=0.75, gap=0.0, steps=32,
)  # fmt: skip
CURVES = Curves([0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], 0.2, 0.8, 0.5, (0.4, 0.6))
GRADIENTS, ROLLOUT = method_of("integrated_gradients"), method_of("rollout")


def said(*found, method=GRADIENTS):
    return "\n".join(sentences(found, method))


def test_a_gap_of_more_than_one_percent_is_told():
    assert "they do not add up" not in said(Checked(replace(ONE, gap=0.007)))
    assert "1 of 2 miss it by more than 1 %: they do not add up" in said(
        Checked(ONE), Checked(replace(ONE, gap=-0.008))
    )
    assert "Completeness" not in said(Checked(replace(ONE, gap=None)), method=ROLLOUT)


def test_an_order_no_better_than_a_random_one_is_told():
    assert "Deletion: while words are hidden in this order, the logit is 0.300 lower" in said(Checked(ONE, CURVES))
    assert "do not trust" not in said(Checked(ONE, CURVES))
    bad = replace(CURVES, deletion_area=0.6)
    assert said(Checked(ONE, bad)).count("do not trust") == 1
    assert "do not trust" in said(*[Checked(ONE, CURVES), Checked(ONE, replace(CURVES, deletion_area=0.9))] * 10)


def test_a_high_correlation_with_random_weights_is_told():
    assert "depends little on what was learned" in said(Checked(ONE, random_weights=0.9))
    assert "depends little" not in said(Checked(ONE, random_weights=0.1))


def test_what_changed_is_told():
    assert "1.000 of the most important words are the same" in said(Checked(ONE, shift=shift(ONE, ONE)))


def test_figures_are_json():
    found = plain(Checked(replace(ONE, prompt=0.5), CURVES, 0.1, shift(ONE, ONE)))
    assert json.loads(json.dumps(found))["attributions"] == [1.0, -0.25]
    assert found["prompt"] == 0.5
    assert found["label"] == "bad"
    assert "scores" not in found
    assert found["against"]["overlap"] == 1.0
    assert found["deletion_area"] == pytest.approx(0.2)
