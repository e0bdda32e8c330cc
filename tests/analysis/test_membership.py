import numpy as np
import pytest

from accel.analysis.membership import auc, lira, loss_attack


def texts(prefix, count):
    return [(f"{prefix} {i}",) for i in range(count)]


MEMBERS, OTHERS = texts("in", 400), texts("out", 400)


def margins(shift, seed=0, difficulty=None):
    rng = np.random.default_rng(seed)
    return {
        t: float(rng.normal() * 0.3 + (shift if t in set(MEMBERS) else 0) + (difficulty or {}).get(t, 0))
        for t in (*MEMBERS, *OTHERS)
    }


@pytest.mark.parametrize(("inside", "outside", "expected"), [([2, 3], [0, 1], 1), ([1, 1], [1, 1], 0.5), ([0], [1], 0)])
def test_the_area_under_the_curve(inside, outside, expected):
    assert auc(np.array(inside), np.array(outside)) == expected


def test_a_model_that_remembers_nothing_is_at_chance():
    found = loss_attack("after", margins(0), MEMBERS, OTHERS)
    assert found.auc_interval[0] < 0.5 < found.auc_interval[1]
    assert found.true_positives_at_1_percent < 0.04


def test_a_model_that_remembers_is_found_out():
    found = loss_attack("after", margins(1.5), MEMBERS, OTHERS)
    assert found.auc > 0.95
    assert found.true_positives_at_1_percent > 0.5
    assert found.true_positives_at_01_percent is None  # 400 others


def test_one_in_a_thousand_needs_a_thousand_others():
    rng = np.random.default_rng(0)
    inside = {(f"in {i}",): float(rng.normal()) for i in range(500)}
    outside = {(f"out {i}",): float(rng.normal()) for i in range(2000)}
    sure = dict.fromkeys(list(inside)[:100], 9.0)
    found = loss_attack("after", {**inside, **outside, **sure}, list(inside), list(outside))
    assert found.true_positives_at_01_percent == pytest.approx(0.2, abs=0.01)
    assert found.auc < 0.65  # an attack that is sure of a few hardly shows there


def test_lira_sees_through_texts_that_are_easy_for_everybody():
    rng = np.random.default_rng(9)
    difficulty = {t: float(rng.normal() * 3) for t in (*MEMBERS, *OTHERS)}
    target = margins(0.6, 1, difficulty)
    shadows = [(margins(0, seed, difficulty), set()) for seed in (2, 3, 4)]
    corrected = lira("after", target, MEMBERS, OTHERS, shadows)
    assert corrected is not None
    assert corrected.auc > loss_attack("after", target, MEMBERS, OTHERS).auc + 0.2
    assert corrected.method == "lira, 3 shadows"


def test_a_shadow_that_saw_a_text_does_not_speak_of_it():
    everything = {*MEMBERS, *OTHERS}
    assert lira("after", margins(1), MEMBERS, OTHERS, [(margins(0), everything)]) is None
