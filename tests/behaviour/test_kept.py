from dataclasses import replace

import numpy as np
import pytest

from accel.behaviour.decisions import Decisions
from accel.behaviour.numbers import Numbers
from tests.behaviour.test_decisions import AFTER, BEFORE, decided


def test_batches_in_any_order_are_one_in_the_order_of_the_split():
    parts = [decided([1, 0], [1, 1], examples=[2, 2]), decided([0, 1], [0, 0], examples=[0, 1])]
    whole = Decisions.together(parts)
    assert whole.examples.tolist() == [0, 1, 2, 2]
    assert (whole.choices.tolist(), whole.truths.tolist()) == ([0, 1, 1, 0], [0, 0, 1, 1])
    assert whole.log_odds is not None
    assert whole.log_odds.argmax(-1).tolist() == [0, 1, 1, 0]


def test_predictions_pair_where_they_are_of_the_same_things():
    assert AFTER.pairs_with(BEFORE)
    assert not AFTER.pairs_with(decided([0], [0]))
    assert not AFTER.pairs_with(decided([0] * 6, [1] * 6))


def test_what_is_saved_is_read(tmp_path):
    AFTER.save(tmp_path / "kept.npz")
    found = Decisions.read(tmp_path / "kept.npz")
    assert found is not None
    assert found.change(AFTER)["agreement"] == 1.0
    assert Numbers.read(tmp_path / "kept.npz") is None  # another kind
    assert Decisions.read(tmp_path / "absent.npz") is None
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    assert Decisions.read(tmp_path / "broken.npz") is None


def test_what_was_not_kept_stays_unknown(tmp_path):
    Numbers(np.arange(2), np.zeros(2), np.ones(2)).save(tmp_path / "kept.npz")
    found = Numbers.read(tmp_path / "kept.npz")
    assert found is not None
    assert (found.temperature(), found.where(found, [], np.ones(2))) == (None, {})
    assert found.at(2.0) is found


def test_columns_of_different_lengths_are_no_predictions():
    with pytest.raises(ValueError, match="columns of different lengths"):
        replace(AFTER, choices=AFTER.choices[:-1])
