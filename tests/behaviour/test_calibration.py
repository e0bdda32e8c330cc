import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from accel.behaviour.calibration import brier, expected_calibration_error, fit_temperature, scaled

CHANCE = np.random.default_rng(1)


def sample(rows=400, choices=4, sharpness=1.0):
    """(log-probabilities, truths that are drawn from the distributions themselves before they are sharpened)."""
    logits = CHANCE.normal(size=(rows, choices)) * 2
    odds = scaled(logits, 1.0)
    truths = np.array([CHANCE.choice(choices, p=np.exp(row)) for row in odds])
    return scaled(logits * sharpness, 1.0), truths


def plain_ece(confidences, hits, bins):
    """As Guo et al. and netcal write it: bin by bin."""
    edges, total = np.linspace(0, 1, bins + 1), 0.0
    for low, high in pairwise(edges):
        inside = (confidences > low) & (confidences <= high)
        if inside.any():
            total += abs(confidences[inside].mean() - hits[inside].mean()) * inside.mean()
    return total


def test_the_error_of_calibration_is_that_of_its_definition():
    odds, truths = sample(sharpness=2.0)
    confidences, hits = np.exp(odds.max(-1)), odds.argmax(-1) == truths
    expected = plain_ece(confidences, hits, 15)
    assert expected_calibration_error(confidences, hits) == pytest.approx(expected, abs=1e-9)
    assert expected > 0.05


def test_known_answers():
    assert expected_calibration_error(np.array([0.9, 0.9]), np.array([True, False])) == pytest.approx(0.4)
    assert expected_calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0
    assert expected_calibration_error(np.array([]), np.array([])) == 0
    assert brier(np.log([[0.8, 0.2]]), np.array([1])) == pytest.approx(0.8**2 + 0.8**2)


def test_brier_is_the_squared_distance_from_the_truth():
    odds, truths = sample()
    expected = ((np.exp(odds) - np.eye(4)[truths]) ** 2).sum(-1).mean()
    assert brier(odds, truths) == pytest.approx(expected, abs=1e-9)


def test_scaling_divides_logits():
    odds, truths = sample()
    again = scaled(odds, 2.5)
    assert np.exp(again).sum(-1) == pytest.approx(np.ones(400), abs=1e-12)
    assert scaled(again, 1 / 2.5) == pytest.approx(odds, abs=1e-9)
    assert -again[np.arange(400), truths].mean() == pytest.approx(
        log_loss(truths, np.exp(again), labels=range(4)), abs=1e-9
    )


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_is_the_one_that_a_library_finds(sharpness):
    odds, truths = sample(sharpness=sharpness)
    loss = lambda t: float(-scaled(odds, t)[np.arange(400), truths].mean())  # noqa: E731
    expected = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9})
    found = fit_temperature(odds, truths)
    assert loss(found) <= expected.fun + 1e-12
    assert found == pytest.approx(expected.x, rel=1e-5)


def test_a_model_that_is_too_sure_is_cooled_down_and_its_error_falls():
    odds, truths = sample(rows=4000, sharpness=3.0)
    found = fit_temperature(odds, truths)
    assert found == pytest.approx(3.0, rel=0.1)
    errors = [
        expected_calibration_error(np.exp(o.max(-1)), o.argmax(-1) == truths) for o in (odds, scaled(odds, found))
    ]
    assert errors[1] < errors[0] / 4


def test_a_model_that_is_always_right_is_as_cold_as_may_be():
    certain = scaled(np.array([[0.5, 0.0], [0.0, 0.5]]), 1.0)
    assert math.isclose(fit_temperature(certain, np.array([0, 1])), 0.05, rel_tol=1e-3)
