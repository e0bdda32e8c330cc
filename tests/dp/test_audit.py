"""The auditor itself: published values, bounds that hold where the claim is true, and sabotage that it sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from accel.dp.audit import (
    Guesses,
    Observed,
    audit,
    fdp_bound,
    guess,
    measure_contribution,
    measure_noise,
    measure_sampling,
    one_run_bound,
    refutes,
)
from accel.dp.book import Book
from accel.dp.canaries import Canaries
from accel.dp.clipping import flat
from accel.dp.ledger import Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch, PoissonLoader
from accel.dp.step import PrivateStep

CANARIES = 400


@pytest.mark.parametrize(
    ("canaries", "made", "right", "delta", "expected"),
    [(1000, 100, 75, 1e-4, 0.673), (100_000, 1510, 1439, 1e-5, 2.675)],
)
def test_the_published_one_run_bounds(canaries, made, right, delta, expected):
    """Steinke et al. 2023, appendix D."""
    assert one_run_bound(Guesses(canaries, made, right), delta, 0.05) == pytest.approx(expected, abs=1e-3)


def test_guessing_at_random_refutes_nothing():
    assert one_run_bound(Guesses(1000, 100, 50), 1e-5) == 0
    assert not refutes(Guesses(1000, 1000, 500), lambda x: x, 0.05)


def test_the_recursion_refutes_perfect_privacy_only_with_many_right_guesses():
    """With f(x) = 1 - x guesses are fair coins: the test must keep its level and have power."""
    rng = np.random.default_rng(0)
    false_alarms = sum(refutes(Guesses(500, 500, int(rng.binomial(500, 0.5))), lambda x: x, 0.05) for _ in range(400))
    assert false_alarms <= 400 * 0.05 + 3 * (400 * 0.05 * 0.95) ** 0.5
    assert refutes(Guesses(500, 500, 300), lambda x: x, 0.05)


def test_high_scores_are_guessed_in_and_low_ones_out():
    scores, included = np.arange(10.0), np.arange(10) >= 4
    assert guess(scores, included, 0.4) == Guesses(10, 4, 4)
    assert guess(scores, included, 1.0) == Guesses(10, 10, 9)


def test_measurements_hold_for_a_true_claim_and_fail_for_a_false_one():
    rng = np.random.default_rng(0)
    noise = np.sqrt(np.square(rng.normal(0, 0.8, (20, 500))).mean(0))
    seen = Observed(np.zeros(1000), np.arange(1000) < 500, noise, steps=20, joined=2010, contributed=2030.0)
    for measure, claim, false in ((measure_noise, 0.8, 0.9), (measure_sampling, 0.2, 0.18)):
        assert measure(seen, claim).holds
        assert measure(seen, claim).seen == pytest.approx(claim, rel=0.05)
        assert not measure(seen, false).holds
    assert measure_contribution(seen, 0.8).holds
    assert not measure_contribution(replace(seen, contributed=2400.0), 0.8).holds


def run(sigma, *, rate, steps, count=CANARIES, noise=None, clip=None, loader=None, leads=True):
    """A private run of a small model on 60 records, with canaries; returns the audit of what it claims."""
    records = 60
    mechanism = Mechanism(sigma, 1.0, "flat", rate, rate * records, records, steps, 1e-5, "prv", None, False)
    model = nn.Linear(4, 2)
    x, y = torch.randn(records, 4), torch.arange(records) % 2

    def score(batch):
        return {"loss": nn.functional.cross_entropy(model(batch["x"]), batch["y"])}

    book = Book(model)
    canaries = Canaries(book, count, mechanism)
    step = PrivateStep(score, book, Ledger(None, mechanism), GaussianNoise(), canaries)
    if noise is not None:
        step.noise = noise
    if clip is not None:
        step.clip = clip
    step.leads = leads
    draws = (loader or PoissonLoader)(
        range(records),
        np.ones(records),
        lambda rows: {"x": x[rows], "y": y[rows]},
        sample_rate=rate,
        steps=steps,
        physical_batch_size=64,
        canaries=count,
    )
    for batch in draws:
        assert isinstance(batch, LogicalBatch)
        step(batch)["loss"].backward()
    return audit(canaries.observed(), mechanism)


SETTINGS = [(1.5, 1.0, 4), (0.8, 0.2, 20)]


@pytest.mark.full
@pytest.mark.slow
def test_a_hundred_honest_runs():
    """At 95 % confidence the bound may exceed a true claim in five of a hundred."""
    from accel.dp.accountant import epsilon_of

    for sigma, rate, steps in SETTINGS:
        found = [run(sigma, rate=rate, steps=steps) for _ in range(50)]
        epsilon = epsilon_of("prv", sigma=sigma, sample_rate=rate, steps=steps, delta=1e-5)
        held = [max(a.epsilon_lower, a.epsilon_lower_fdp) <= epsilon for a in found]
        assert sum(held) >= 48
        assert sum(a.passed for a in found) >= 47
        assert np.median([a.epsilon_lower_fdp for a in found]) > 0.2 * epsilon  # a bound of zero would prove nothing


class LessNoise(GaussianNoise):
    def __init__(self, divisor):
        super().__init__()
        self.divisor = divisor

    def add_(self, tensors, std):
        super().add_(tensors, std / self.divisor)


def no_clipping(norms):
    return torch.ones_like(norms)


class EveryoneEveryTime(PoissonLoader):
    def draw(self):
        return np.arange(len(self.lengths) + self.canaries)


SABOTAGE = {
    "half the noise": {"noise": LessNoise(2)},
    "no noise": {"noise": GaussianNoise(), "sigma": 1e-3},
    "no clipping": {"clip": no_clipping},
    "no sampling": {"loader": EveryoneEveryTime},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_is_seen(name):
    changed = dict(SABOTAGE[name])
    if name == "no noise":
        changed = {"noise": type("Silent", (GaussianNoise,), {"add_": lambda self, tensors, std: None})()}
    caught = sum(not run(0.8, rate=0.2, steps=20, **changed).passed for _ in range(5))
    assert caught >= 4


PLANTED = {
    "nothing": {},
    "noise over 4": {"noise": LessNoise(4)},
    "noise over 1.2": {"noise": LessNoise(1.2)},
    "clipping at 1.5 of the bound": {"clip": flat(1.5)},
    "everybody in every step": {"loader": EveryoneEveryTime},
    "the rank that leads adds no noise": {"leads": False},
}


@pytest.mark.parametrize("name", PLANTED)
def test_one_run_with_a_planted_fault_fails_and_a_true_one_passes(monkeypatch, name):
    """By what is measured on the canaries alone: the f-DP bound costs seconds, and the others' tests are above."""
    monkeypatch.setattr("accel.dp.audit.fdp_bound", lambda *args: 0.0)
    assert run(0.8, rate=0.2, steps=20, **PLANTED[name]).passed is (name == "nothing")


def test_half_the_noise_is_seen_by_the_privacy_bound_alone():
    """Not only because noise is weighed: with many canaries the bound itself exceeds the claim."""
    from accel.dp.accountant import epsilon_of

    epsilon = epsilon_of("prv", sigma=1.5, sample_rate=0.999999, steps=4, delta=1e-5)
    found = [run(1.5, rate=1.0, steps=4, count=4000, noise=LessNoise(2)).epsilon_lower_fdp for _ in range(5)]
    assert sum(bound > epsilon for bound in found) >= 4


def test_an_honest_run_passes():
    found = run(0.8, rate=0.2, steps=20)
    assert found.noise_multiplier.seen == pytest.approx(0.8, rel=0.1)
    assert found.contribution.seen == pytest.approx(1, rel=0.1)
    assert found.sample_rate.seen == pytest.approx(0.2, rel=0.2)
    assert found.canaries == CANARIES
    assert 0 < found.epsilon_lower <= found.epsilon_claimed
    assert 0 < found.epsilon_lower_fdp <= found.epsilon_claimed


def test_a_bound_of_the_right_family_is_sharper():
    mechanism = Mechanism(1.5, 1.0, "flat", 1.0, 60.0, 60, 4, 1e-5, "prv", None, False)
    guesses = Guesses(1000, 400, 330)
    assert fdp_bound(guesses, mechanism, 4) > one_run_bound(guesses, 1e-5)
