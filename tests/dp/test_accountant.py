import math

import pytest

from accel.dp.accountant import composed, epsilon_of, sigma_for

PUBLISHED = {"sigma": 1.5, "sample_rate": 0.04, "steps": 2250, "delta": 1e-5}


def test_the_golden_values_of_the_accountants():
    """As Opacus' own tests hold them."""
    assert epsilon_of("rdp", **PUBLISHED) == pytest.approx(7.32911117143, rel=1e-6)
    assert epsilon_of("prv", **PUBLISHED) == pytest.approx(6.777395712150674, rel=1e-3)


@pytest.mark.parametrize("accountant", ["rdp", "prv"])
@pytest.mark.parametrize("epsilon", [0.5, 3.0, 8.0])
def test_the_noise_never_overshoots_and_hardly_undershoots(accountant, epsilon):
    settings = {"sample_rate": 0.03, "steps": 400, "delta": 1e-5}
    spent = epsilon_of(accountant, sigma=sigma_for(accountant, epsilon=epsilon, **settings), **settings)
    assert 0.97 * epsilon < spent <= epsilon


def test_more_runs_spend_more_but_less_than_their_sum():
    """Four runs of epsilon 3 at q 0.01 over 1000 steps: 5.83 by PLD composition."""
    sigma = sigma_for("prv", epsilon=3.0, sample_rate=0.01, steps=1000, delta=1e-5)
    four = composed("prv", [(sigma, 0.01, 1000)] * 4, 1e-5)
    assert four == pytest.approx(5.83, abs=0.1)


def test_the_ends_of_the_scale():
    assert epsilon_of("rdp", sigma=1.0, sample_rate=0.1, steps=0, delta=1e-5) == 0
    assert math.isinf(epsilon_of("rdp", sigma=0.0, sample_rate=0.1, steps=1, delta=1e-5))
    assert math.isinf(composed("rdp", [(1.0, 0.1, 5), (0.0, 0.1, 5)], 1e-5))
