import csv
import math
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from accel.dp.accountant import composed, epsilon_of, privacy_profile, sigma_for, trade_off

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


def test_the_least_noise_is_found_in_few_looks(monkeypatch):
    """Each takes an accountant a while. Noise that need not be so large is not taken, and less than 0.2 never."""
    looks = []
    monkeypatch.setattr(
        "accel.dp.accountant.epsilon_of", lambda *_, sigma, **rest: looks.append(sigma) or 3 / sigma**1.5
    )
    for epsilon in (1e-3, 0.5, 3.0, 17.0, 33.0):
        looks.clear()
        sigma = sigma_for.__wrapped__("rdp", epsilon=epsilon, sample_rate=0.1, steps=10, delta=1e-5)
        least = (3 / epsilon) ** (2 / 3)
        assert least * (1 - 1e-9) <= sigma <= least * (1 + 1e-4)
        assert sigma in looks
        assert len(looks) <= 14
    assert sigma_for.__wrapped__("rdp", epsilon=99.0, sample_rate=0.1, steps=10, delta=1e-5) == pytest.approx(0.2)


def test_what_an_accountant_has_computed_is_not_computed_again(monkeypatch):
    """The orders of a rate and a noise do not know how often they are composed."""
    from opacus.accountants.analysis import rdp

    settings = {"sigma": 1.1, "sample_rate": 0.123, "delta": 1e-5}
    before = epsilon_of("rdp", steps=5, **settings)
    monkeypatch.setattr(rdp, "_compute_log_a", None)
    assert epsilon_of("rdp", steps=50, **settings) > before
    with pytest.raises(TypeError):
        epsilon_of("rdp", steps=5, **{**settings, "sigma": 1.2})


def test_more_runs_spend_more_but_less_than_their_sum():
    """Four runs of epsilon 3 at q 0.01 over 1000 steps: 5.83 by PLD composition."""
    sigma = sigma_for("prv", epsilon=3.0, sample_rate=0.01, steps=1000, delta=1e-5)
    four = composed("prv", [(sigma, 0.01, 1000)] * 4, 1e-5)
    assert four == pytest.approx(5.83, abs=0.1)


def test_the_ends_of_the_scale():
    assert epsilon_of("rdp", sigma=1.0, sample_rate=0.1, steps=0, delta=1e-5) == 0
    assert math.isinf(epsilon_of("rdp", sigma=0.0, sample_rate=0.1, steps=1, delta=1e-5))
    assert math.isinf(composed("rdp", [(1.0, 0.1, 5), (0.0, 0.1, 5)], 1e-5))


def independent():
    """Epsilons at delta 1e-5 by PLDAccountant of google's dp-accounting 0.6.0, with its default mesh."""
    with (Path(__file__).parent / "pld_epsilons.csv").open() as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def rows():
    """A few by default, at every rate, every noise and every length; ``make slow`` takes the others too."""
    for number, row in enumerate(independent()):
        name = f"{row['sample_rate']}-{row['noise_multiplier']}-{row['steps']:.0f}"
        yield pytest.param(row, id=name, marks=[] if number % 7 == 0 else pytest.mark.slow)


@pytest.mark.slow
@pytest.mark.parametrize("row", rows())
def test_never_below_an_independent_accountant_and_at_most_two_percent_above(row):
    found = epsilon_of(
        "prv",
        sigma=row["noise_multiplier"],
        sample_rate=row["sample_rate"],
        steps=int(row["steps"]),
        delta=1e-5,
    )
    assert row["epsilon"] <= found <= 1.02 * row["epsilon"]


@pytest.mark.parametrize(("sigma", "rate", "steps"), [(1.0, 0.05, 100), (0.7, 0.01, 500), (2.0, 1.0, 4)])
def test_the_profile_passes_through_epsilon_and_delta(sigma, rate, steps):
    epsilon = epsilon_of("prv", sigma=sigma, sample_rate=min(rate, 0.999999), steps=steps, delta=1e-5)
    (found,) = privacy_profile(np.array([epsilon]), sigma=sigma, sample_rate=rate, steps=steps)
    assert 0.8e-5 < found < 1.02e-5


def test_the_trade_off_of_full_batches_is_the_gaussian_one():
    curve, normal = trade_off(sigma=2.0, sample_rate=1.0, steps=4), NormalDist()
    for alpha in (0.01, 0.1, 0.5):
        exact = normal.cdf(normal.inv_cdf(1 - alpha) - 1.0)
        assert abs(curve(alpha) - exact) < 2e-3
        assert curve(alpha) <= exact + 1e-9


def test_less_noise_is_easier_to_tell():
    curves = [trade_off(sigma=s, sample_rate=0.05, steps=100) for s in (0.5, 1.0, 2.0)]
    assert [c(0.1) for c in curves] == sorted(c(0.1) for c in curves)
    assert curves[2](0.1) < 0.9
