"""The noisy mean of bounded updates: its bound, its noise, its denominator, its cohorts, its ledger."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from accel.dp.accountant import epsilon_of
from accel.dp.audit import audit
from accel.dp.clients import CanaryClients, Coins, PrivateMean, length, shortening
from accel.dp.ledger import Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.statement import CLIENT, RECORD, UNIT, statement
from accel.errors import RunError
from accel.federated.cohort import Cohort

CPU = torch.device("cpu")
MECHANISM = Mechanism(0.0, 0.5, "flat", 0.25, 10.0, 40, 10**6, 1e-3, "prv", None, True, CLIENT)
SHAPES = [torch.zeros(3, 2), torch.zeros(4)]


def release(mechanism=MECHANISM, *, seed=0, canaries=0, noise=None):
    birds = CanaryClients(canaries, mechanism, seed) if canaries else None
    coins = Coins(mechanism.sample_rate, seed)
    return PrivateMean(Ledger(None, mechanism), noise or GaussianNoise(seed), coins, birds)


def released(updates, mechanism=MECHANISM, number=0, **settings):
    found = release(mechanism, **settings)
    found.cohort(Cohort(mechanism.num_records, mechanism.expected_batch_size, 0.0, 0), number, CPU)
    found.begin(SHAPES)
    weights = [found.add(update, 1.0) for update in updates]
    return found.finish(sum(weights)), weights


def update(value):
    return [torch.full_like(s, value) for s in SHAPES]


def test_an_update_is_as_long_as_all_of_its_tensors_together():
    assert length(update(2.0)) == pytest.approx(2 * math.sqrt(10), rel=1e-15)


@pytest.mark.parametrize(
    ("value", "factor"), [(0.0, 1.0), (1e-3, 1.0), (3.0, 0.5 / (3 * math.sqrt(10))), (math.nan, 0.0), (math.inf, 0.0)]
)
def test_no_update_is_longer_than_the_bound(value, factor):
    assert shortening(update(value), 0.5) == pytest.approx(factor, rel=1e-14)


def test_a_client_of_huge_norm_moves_the_sum_by_the_bound_and_no_more():
    one, two = ([u.double() for u in update(v)] for v in (1e-3, 1e30))
    with_it, without = released([one, two])[0], released([one])[0]
    moved = length([a.double() - b.double() for a, b in zip(with_it, without, strict=True)])
    assert moved * MECHANISM.expected_batch_size == pytest.approx(0.5, rel=1e-6)


def test_a_client_that_sends_no_numbers_is_left_out():
    (with_it, weights), (without, _) = released([update(1e-3), update(math.nan)]), released([update(1e-3)])
    assert weights == [1.0, 0.0]
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_denominator_is_the_expected_number_whoever_came(count):
    moved, _ = released([update(1e-3)] * count)
    assert moved[0][0, 0].item() == pytest.approx(count * 1e-3 / 10.0, rel=1e-6)


def test_a_weight_by_examples_changes_nothing():
    found = release()
    found.begin(SHAPES)
    assert found.add(update(1e-3), 5000.0) == 1.0


def test_the_noise_of_the_applied_update_is_as_claimed_within_3_percent():
    mechanism = replace(MECHANISM, noise_multiplier=2.0)
    found = release(mechanism)
    found.begin([torch.zeros(200_000)])
    std = float(found.finish(0.0)[0].double().std())
    claimed = 2.0 * 0.5 / 10.0
    assert std == pytest.approx(claimed, rel=0.03)
    assert found.terms()["noise_multiplier"] == 2.0


def test_a_release_without_its_noise_says_so(monkeypatch):
    """Negative control of the figure that the evidence is about."""
    monkeypatch.setattr(GaussianNoise, "add_", lambda *args: None)
    found = release(replace(MECHANISM, noise_multiplier=2.0))
    found.begin(SHAPES)
    found.finish(0.0)
    assert found.terms()["noise_multiplier"] == 0.0


def test_cohorts_are_poisson_and_may_be_empty():
    coins, cohort = Coins(0.25), Cohort(40, 10.0, 0.0, 0)
    sizes = [len(coins.draw(40, n, CPU)) for n in range(2000)]
    assert np.mean(sizes) == pytest.approx(10, abs=4 * math.sqrt(7.5 / 2000))
    assert np.var(sizes) == pytest.approx(7.5, rel=0.2)  # of a fixed size it would be 0
    rare = replace(MECHANISM, sample_rate=1e-6)
    found = release(rare)
    asked, answering = found.cohort(cohort, 0, CPU)
    assert (asked, len(answering), found.answered(0)) == (10.0, 0, 10.0)


def test_without_a_test_seed_two_draws_differ():
    assert not np.array_equal(Coins(0.5).draw(200, 0, CPU), Coins(0.5).draw(200, 0, CPU))


def test_who_does_not_answer_is_nobody_elses_business():
    """By coins of their own: where one is drawn, whether another one is must not decide who answers."""
    cohort = Cohort(2000, 500.0, 0.3, 0)
    everybody = set(cohort.of(0, np.arange(2000)).tolist())
    assert len(everybody) == pytest.approx(1400, abs=100)
    assert set(cohort.of(0, np.arange(0, 2000, 2)).tolist()) == {n for n in everybody if n % 2 == 0}
    assert not len(cohort.of(0, np.setdiff1d(np.arange(2000), [*everybody])))


def test_a_round_is_paid_for_before_anybody_is_drawn(tmp_path, monkeypatch):
    mechanism = replace(MECHANISM, steps=2)
    ledger = Ledger.open(tmp_path, mechanism, resumed=False)
    found = PrivateMean(ledger, GaussianNoise(0), Coins(0.25, 0))
    drawn = []
    monkeypatch.setattr(Coins, "draw", lambda *a: drawn.append(Ledger.read(ledger.file).charged) or np.zeros(0, int))
    for _ in range(2):
        found.cohort(Cohort(40, 10.0, 0.0, 0), 0, CPU)
    assert drawn == [1, 2]
    with pytest.raises(RunError, match="all 2 steps"):
        found.cohort(Cohort(40, 10.0, 0.0, 0), 0, CPU)


def test_the_statement_speaks_of_clients():
    found = statement(replace(MECHANISM, noise_multiplier=1.0, test_mode=False), 3)
    assert found["unit"] == UNIT[CLIENT] != UNIT[RECORD]
    assert "one client" in found["adjacency"]
    assert "aggregator" in found["outside_the_guarantee"][0]
    assert "client and round" in found["sampling"]


AUDITED = replace(MECHANISM, noise_multiplier=1.0, sample_rate=0.5, expected_batch_size=20.0, steps=10, test_mode=False)


def audited(mechanism, *, noise=1.0, rate=1.0):
    """An audit of a run that does not do what it claims, where a factor is not 1."""

    class Noise(GaussianNoise):
        def add_(self, tensors, std):
            super().add_(tensors, std * noise)

    found = release(mechanism, canaries=1000, noise=Noise(0))
    found.coins.rate *= rate
    for number in range(mechanism.steps):
        found.cohort(Cohort(40, 20.0, 0.0, 0), number, CPU)
        found.begin(SHAPES)
        found.finish(0.0)
    return audit(found.canaries.observed(), mechanism)


@pytest.fixture
def quick_audit(monkeypatch):
    monkeypatch.setattr("accel.dp.audit.fdp_bound", lambda *args: 0.0)


@pytest.mark.usefixtures("quick_audit")
def test_canary_clients_find_an_honest_run_honest():
    found = audited(AUDITED)
    assert found.passed
    assert found.noise_multiplier.seen == pytest.approx(1, rel=0.03)
    assert found.contribution.seen == pytest.approx(1, rel=0.05)
    assert found.sample_rate.seen == pytest.approx(0.5, rel=0.05)
    assert 0 < found.epsilon_lower < found.epsilon_claimed


@pytest.mark.usefixtures("quick_audit")
@pytest.mark.parametrize("wrong", [{"noise": 0.7}, {"rate": 1.3}], ids=str)
def test_canary_clients_find_out_what_is_not_as_claimed(wrong):
    assert not audited(AUDITED, **wrong).passed


@pytest.mark.usefixtures("quick_audit")
def test_canary_clients_find_out_a_bound_that_does_not_hold(monkeypatch):
    monkeypatch.setattr("accel.dp.clients.shortening", lambda updates, bound: 1.3 * shortening(updates, bound))
    assert not audited(AUDITED).contribution.holds


def independent():
    """At delta 1 / (10 clients), by PLDAccountant of google's dp-accounting 0.6.0 with its default mesh."""
    with (Path(__file__).parent / "client_epsilons.csv").open() as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def test_there_are_twenty_settings():
    assert len(independent()) == 20


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id="-".join(f"{v:g}" for v in row.values()), marks=[] if n % 5 == 0 else pytest.mark.slow)
        for n, row in enumerate(independent())
    ],
)
def test_client_epsilons_are_those_of_an_independent_accountant(row):
    """Never below, and at most 2 percent above."""
    found = epsilon_of(
        "prv",
        sigma=row["noise_multiplier"],
        sample_rate=row["cohort"] / row["clients"],
        steps=int(row["rounds"]),
        delta=1 / (10 * row["clients"]),
    )
    assert row["epsilon"] <= found <= 1.02 * row["epsilon"]
