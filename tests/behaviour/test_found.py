"""Two models' answers one by one."""

import numpy as np
import pytest

from accel.behaviour.drift import mcnemar
from accel.behaviour.found import Found
from accel.behaviour.stored import Stored


def found(choices, hits, overlaps=None):
    count = len(hits)
    return Found(
        examples=np.arange(count),
        truths=np.array([[0, 3]] * (count - 1) + [[-1, -1]]),
        choices=np.array(choices),
        hits=np.array(hits),
        overlaps=np.array(overlaps or hits, dtype=float),
        confidences=np.full(count, 0.75),
    )


BEFORE = found([[0, 3], [0, 3], [5, 6], [-1, -1]], [True, True, False, True])
AFTER = found([[0, 3], [1, 2], [4, 6], [0, 3]], [True, False, False, False])


def test_a_change_of_mind_is_another_part_and_a_flip_another_verdict():
    assert AFTER.change(BEFORE) == {
        "agreement": 0.25,
        "predictions": 4,
        "changed": 3,
        "right_to_wrong": 2,
        "wrong_to_right": 0,
        "wrong_before": 1,
        "wrong_after": 3,
        "mcnemar_p": mcnemar(2, 0),
    }
    assert BEFORE.change(BEFORE)["agreement"] == 1
    assert AFTER.own() == {"ece": pytest.approx(0.5)}


def test_they_are_stored_and_read_again(tmp_path):
    Stored(AFTER, np.ones((4, 2))).save(tmp_path / "a.npz")
    back = Stored.read(tmp_path / "a.npz")
    assert back.pairs_with(Stored(BEFORE))
    assert back.change(Stored(BEFORE, np.ones((4, 2))))["right_to_wrong"] == 2
    assert not back.pairs_with(Stored(found([[0, 1]] * 3, [True] * 3)))
