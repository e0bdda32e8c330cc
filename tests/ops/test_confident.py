"""Against figures of cleanlab 2.9.0 on the same arrays, by its defaults (find_label_issues, compute_confident_joint)."""

import numpy as np
import pytest

from accel.ops.confident import confident_joint, suspects, thresholds

JOINTS = {
    3: [[89, 0, 0, 3, 2], [6, 39, 0, 2, 1], [4, 1, 18, 2, 0], [3, 5, 0, 11, 0], [0, 0, 1, 2, 11]],
    2: [[14, 3, 5, 1], [4, 8, 1, 2], [3, 2, 6, 2], [1, 4, 0, 4]],
}
ISSUES = {
    3: [
        2,
        10,
        14,
        15,
        57,
        58,
        62,
        71,
        80,
        83,
        84,
        104,
        108,
        114,
        116,
        117,
        120,
        125,
        128,
        134,
        144,
        152,
        159,
        173,
        177,
        178,
        180,
        181,
        193,
        194,
    ],
    2: [0, 1, 2, 3, 6, 18, 20, 22, 23, 26, 29, 30, 32, 33, 38, 39, 41, 44, 46, 48, 50, 51, 57],
}


def case(seed, count, classes, noise, skill):
    """Probabilities of a model of some skill, and labels of which some are wrong."""
    chance = np.random.default_rng(seed)
    true = chance.integers(0, classes, count) % chance.integers(1, classes + 1, count)
    given, wrong = true.copy(), chance.random(count) < noise
    given[wrong] = (true[wrong] + chance.integers(1, classes, wrong.sum())) % classes
    logits = chance.normal(0, 1, (count, classes))
    logits[np.arange(count), true] += skill
    found = np.exp(logits)
    return found / found.sum(1, keepdims=True), given, wrong


@pytest.mark.parametrize(("seed", "count", "classes", "noise", "skill"), [(3, 200, 5, 0.15, 3), (2, 60, 4, 0.2, 2)])
def test_the_joint_and_the_suspects_are_those_of_cleanlab(seed, count, classes, noise, skill):
    probabilities, given, _ = case(seed, count, classes, noise, skill)
    assert confident_joint(probabilities, given).tolist() == JOINTS[seed]
    assert np.nonzero(suspects(probabilities, given))[0].tolist() == ISSUES[seed]


def test_planted_errors_are_found_and_without_them_few_are():
    probabilities, given, wrong = case(0, 2000, 3, 0.1, 4)
    found = suspects(probabilities, given)
    assert wrong[found].mean() > 0.7
    assert found[wrong].mean() > 0.7
    probabilities, given, _ = case(0, 2000, 3, 0.0, 4)
    assert suspects(probabilities, given).mean() < 0.05


def test_the_joint_keeps_the_count_of_each_given_class():
    probabilities, given, _ = case(9, 500, 4, 0.2, 1)
    assert confident_joint(probabilities, given).sum(1).tolist() == np.bincount(given).tolist()


def test_a_class_that_is_never_given_is_nobodys_other_class():
    probabilities = np.array([[0.2, 0.1, 0.7]] * 4 + [[0.1, 0.2, 0.7]] * 4)
    given = np.array([0] * 4 + [1] * 4)
    assert thresholds(probabilities, given)[2] == np.inf
    assert confident_joint(probabilities, given)[:, 2].sum() == 0
