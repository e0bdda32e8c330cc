import json
from dataclasses import replace

import pytest

from accel.dp.accountant import epsilon_of
from accel.dp.mechanism import Mechanism
from accel.dp.statement import statement

MECHANISM = Mechanism(1.5, 0.5, "flat", 0.04, 40.0, 1000, 2250, 1e-5, "rdp", 8.0, False)


def test_it_says_everything_that_a_reader_needs_to_check_it():
    found = statement(MECHANISM, 2250)
    assert found["epsilon"] == found["epsilon_rdp"] == pytest.approx(7.329111, abs=1e-5)
    assert found["epsilon_prv"] < found["epsilon_rdp"]
    assert found["sampling"].startswith("Poisson")
    assert found["secure_rng"] is True
    assert "AES-256" in found["random_source"]
    assert found["accountant_version"].startswith("opacus ")
    assert len(found["outside_the_guarantee"]) >= 4
    json.dumps(found, allow_nan=False)


def test_a_test_seed_is_no_secure_source():
    found = statement(replace(MECHANISM, test_mode=True), 2250)
    assert found["secure_rng"] is False
    assert found["random_source"].startswith("a test seed")


def test_epsilon_follows_the_steps_that_were_taken():
    half = statement(MECHANISM, 1125)
    assert half["epsilon"] == pytest.approx(
        epsilon_of("rdp", sigma=1.5, sample_rate=0.04, steps=1125, delta=1e-5), abs=1e-5
    )
    assert half["steps_planned"] == 2250


def test_epsilon_is_that_of_the_delta_that_is_stated():
    found = statement(replace(MECHANISM, delta=1e-9), 1125)
    assert found["delta"] == 1e-9
    assert found["epsilon"] == pytest.approx(
        epsilon_of("rdp", sigma=1.5, sample_rate=0.04, steps=1125, delta=1e-9), abs=1e-5
    )
