import pytest

from accel.behaviour.exemplars import exemplars
from tests.behaviour.test_decisions import decided

TRUTHS = [0, 1, 1, 0]


def models(*choices):
    return [decided(some, TRUTHS, labels=3) for some in choices]


def test_all_compressed_models_agree_against_most_dense_ones():
    dense = models([0, 1, 1, 0], [0, 1, 2, 0], [0, 0, 1, 0])
    compressed = models([2, 0, 2, 0], [2, 0, 2, 0], [2, 1, 2, 0])
    rows, was = exemplars(dense, compressed)
    assert (rows.tolist(), was.tolist()) == ([0, 2], [0, 1])  # not 1, where a compressed model stays


def test_dense_models_that_do_not_agree_themselves_prove_nothing():
    rows, _ = exemplars(models([0, 1, 1, 0], [1, 1, 1, 0]), models([2, 1, 1, 0], [2, 1, 1, 0]))
    assert rows.tolist() == []


@pytest.mark.parametrize("count", [1, 3])
def test_models_against_themselves(count):
    same = models(*[[0, 1, 2, 0]] * count)
    assert exemplars(same, same)[0].tolist() == []
