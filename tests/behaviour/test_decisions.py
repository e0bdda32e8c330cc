from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from accel.behaviour.calibration import scaled
from accel.behaviour.decisions import Decisions, hits_by_example


def decided(choices, truths, examples=None, sure=0.8, labels=2):
    """Decisions that give the choice ``sure`` and the rest to the others."""
    odds = np.full((len(choices), labels), (1 - sure) / (labels - 1))
    odds[np.arange(len(choices)), choices] = sure
    return Decisions(
        examples=np.arange(len(choices)) if examples is None else np.asarray(examples),
        truths=np.asarray(truths),
        choices=np.asarray(choices),
        confidences=odds.max(-1),
        losses=-np.log(odds[np.arange(len(choices)), truths]),
        log_odds=np.log(odds),
    )


TRUTHS = [0, 0, 0, 1, 1, 1]
BEFORE, AFTER = decided([0, 0, 1, 1, 1, 0], TRUTHS), decided([0, 1, 0, 0, 1, 0], TRUTHS)


def test_flips_are_counted_by_where_they_lead():
    found = AFTER.change(BEFORE)
    assert (found["predictions"], found["changed"], found["agreement"]) == (6, 3, 0.5)
    assert (found["right_to_wrong"], found["wrong_to_right"]) == (2, 1)
    assert (found["wrong_before"], found["wrong_after"]) == (2, 3)
    assert found["mcnemar_p"] == 1.0


def test_a_model_against_itself():
    found = AFTER.change(AFTER)
    assert (found["changed"], found["right_to_wrong"], found["wrong_to_right"]) == (0, 0, 0)
    assert (found["agreement"], found["mcnemar_p"]) == (1.0, 1.0)
    assert found["probability_loyalty"] == pytest.approx(1.0, abs=1e-9)


def test_where_they_differ():
    found = AFTER.where(BEFORE, ["no", "yes", "never"], np.array([3, 3, 3, 9, 9, 9]))
    assert [(row["label"], row["changed"], row["right_to_wrong"]) for row in found["by_class"]] == [
        ("no", 2, 1),
        ("yes", 1, 1),
    ]
    assert [row["tokens"] for row in found["by_length"]] == [[3, 3], [4, 9]]
    assert [row["changed"] for row in found["by_length"]] == [2, 1]


def test_every_example_is_of_one_length():
    lengths = np.random.default_rng(0).integers(4, 60, 500)
    some = decided([0] * 500, [0] * 500)
    parts = some.where(some, [], lengths)["by_length"]
    assert sum(part["predictions"] for part in parts) == 500
    assert len(parts) == 4
    assert all(one["tokens"][1] + 1 == next_["tokens"][0] for one, next_ in pairwise(parts))


def test_calibration_of_one_model():
    found = AFTER.own()
    assert found["ece"] == pytest.approx(0.8 - 0.5)
    assert found["nll"] == pytest.approx(-(np.log(0.8) + np.log(0.2)) / 2)
    assert found["brier"] == pytest.approx((2 * 0.2**2 + 2 * 0.8**2) / 2)


def test_a_temperature_changes_no_choice():
    cooler = AFTER.at(2.0)
    assert np.array_equal(cooler.choices, AFTER.choices)
    assert np.exp(scaled(np.log([[0.8, 0.2]]), 2.0)).max() == pytest.approx(cooler.confidences[0])
    assert AFTER.at(1.0).losses == pytest.approx(AFTER.losses)


def test_where_distributions_are_too_wide_to_keep_the_rest_is_told():
    wide = replace(AFTER, log_odds=None)
    assert "probability_loyalty" not in wide.change(BEFORE)
    assert set(wide.own()) == {"ece", "nll"}
    assert wide.temperature() is None
    assert wide.at(2.0) is wide


def test_hits_of_each_example():
    tokens = decided([0, 1, 1, 0], [0, 1, 0, 0], examples=[0, 0, 2, 2])
    assert hits_by_example(tokens, 4).tolist() == [[2, 2], [0, 0], [1, 2], [0, 0]]
