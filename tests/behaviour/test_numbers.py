import numpy as np
import pytest

from accel.behaviour.numbers import Numbers


def numbers(*values):
    return Numbers(np.arange(len(values)), np.array([1.0, 2.0, 3.0]), np.array(values))


def test_how_far_numbers_moved():
    found = numbers(1.5, 2.0, 2.0).change(numbers(1.0, 2.0, 4.0))
    assert (found["mean_abs_change"], found["max_abs_change"]) == (pytest.approx(2.5 / 3), 2.0)
    assert (found["farther_from_truth"], found["nearer_to_truth"]) == (1, 0)
    assert found["correlation"] == pytest.approx(np.corrcoef([1.5, 2.0, 2.0], [1.0, 2.0, 4.0])[0, 1])


def test_a_model_against_itself_and_a_constant_one():
    same = numbers(1.0, 1.0, 1.0)
    assert same.change(same)["mean_abs_change"] == 0
    assert same.change(same)["correlation"] == 1.0
    assert same.change(numbers(1.0, 2.0, 3.0))["correlation"] == 0.0
    assert same.own()["bias"] == -1.0
