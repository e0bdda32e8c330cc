import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest

from accel.behaviour.drift import interval, mcnemar, paired_interval, probability_loyalty, ratio

CHANCE = np.random.default_rng(0)


def odds(rows, choices=3):
    return np.log(CHANCE.dirichlet(np.ones(choices), size=rows))


def test_a_model_is_loyal_to_itself_and_opposites_are_as_far_apart_as_can_be():
    same = odds(20)
    assert probability_loyalty(same, same) == pytest.approx(1.0, abs=1e-9)
    with np.errstate(divide="ignore"):
        certain = np.log(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert probability_loyalty(certain, certain[::-1]) == pytest.approx(1 - math.sqrt(math.log(2)), abs=1e-12)


def test_probability_loyalty_is_one_minus_scipys_distance():
    one, other = odds(50), odds(50)
    expected = 1 - np.mean([jensenshannon(np.exp(p), np.exp(q)) for p, q in zip(one, other, strict=True)])
    assert probability_loyalty(one, other) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("worse", "better"), [(0, 0), (0, 1), (1, 9), (9, 1), (5, 5), (58, 31), (400, 310), (20_000, 20_400)]
)
def test_mcnemar_is_the_exact_binomial_test(worse, better):
    expected = binomtest(worse, worse + better).pvalue if worse + better else 1.0
    assert mcnemar(worse, better) == pytest.approx(expected, abs=1e-9)


def test_an_interval_of_nothing_changed_is_nothing():
    parts = np.stack([CHANCE.integers(0, 2, 100), np.ones(100)], axis=1)
    assert paired_interval(parts, parts) == (0.0, 0.0)


def test_the_paired_interval_of_shares_is_the_normal_one_where_that_is_known():
    """Of 10,000 texts 300 became wrong and 200 right: -1 point, standard error sqrt(500 - 1) / 10,000 = 0.22 points."""
    hits = np.zeros((10_000, 2))
    hits[:300, 0] = hits[500:8000, 0] = hits[500:8000, 1] = 1
    hits[300:500, 1] = 1
    before, after = (np.stack([hits[:, side], np.ones(len(hits))], axis=1) for side in (0, 1))
    low, high = paired_interval(before, after)
    error = math.sqrt(500 / 10_000 - 0.01**2) / 100
    assert low == pytest.approx(-0.01 - 1.96 * error, abs=3e-4)
    assert high == pytest.approx(-0.01 + 1.96 * error, abs=3e-4)


def test_the_pairing_matters():
    """The same shares drawn apart would have an interval many times as wide."""
    shared = CHANCE.integers(0, 2, 2000)
    before = np.stack([shared, np.ones(2000)], axis=1)
    after = before.copy()
    after[:10, 0] = 1 - after[:10, 0]
    low, high = paired_interval(before, after)
    assert high - low < 0.01 < 2 * 1.96 * math.sqrt(2 * 0.25 / 2000)


def test_a_ratio_of_nothing_is_zero_and_an_interval_of_nothing_is_unknown():
    assert ratio(np.array([[1, 2], [0, 0]])).tolist() == [0.5, 0.0]
    assert all(math.isnan(end) for end in interval(np.array([math.nan])))
