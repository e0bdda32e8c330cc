"""What two models write, text by text."""

import numpy as np

from accel.behaviour.drift import mcnemar
from accel.behaviour.stored import Stored
from accel.behaviour.written import Written, number_of
from accel.core.metric import OF_WRITING

TRUE = ["one two", "three", "four five"]


def written(texts, overlaps):
    numbers = [np.array([number_of(text) for text in side]) for side in (TRUE, texts)]
    hits = np.array([text == true for text, true in zip(texts, TRUE, strict=True)])
    return Written(np.arange(3), *numbers, np.array(overlaps), hits)


BEFORE = written(["one two", "three", "six"], [1, 1, 0])
AFTER = written(["one two", "three more", "seven"], [1, 0.67, 0])


def test_another_text_is_a_change_and_a_flip_is_another_verdict():
    assert AFTER.change(BEFORE) == {
        "agreement": 1 - 2 / 3,
        "predictions": 3,
        "changed": 2,
        "right_to_wrong": 1,
        "wrong_to_right": 0,
        "wrong_before": 1,
        "wrong_after": 2,
        "mcnemar_p": mcnemar(1, 0),
    }
    alone = BEFORE.change(BEFORE)
    assert (alone["agreement"], alone["mcnemar_p"]) == (1, 1)
    assert AFTER.pairs_with(BEFORE)


def test_groups_are_compared_by_both_scores():
    assert list(AFTER.by_row()) == list(OF_WRITING[:2])
    assert AFTER.by_row()[OF_WRITING[0]].tolist() == [1, 0.67, 0]
    some = AFTER.rows(np.array([False, True, True]))
    assert some.hits.tolist() == [False, False]


def test_it_is_stored_and_read_without_any_text(tmp_path):
    stored = Stored(AFTER, np.ones((3, 2)))
    stored.save(tmp_path / "x.npz")
    found = Stored.read(tmp_path / "x.npz")
    assert found is not None
    assert isinstance(found.kept, Written)
    assert found.kept.change(AFTER)["changed"] == 0
    assert b"three" not in (tmp_path / "x.npz").read_bytes()


def test_numbers_are_of_texts_and_fit():
    assert number_of("a") == number_of("a") != number_of("b")
    assert 0 <= number_of("\ud800") < 2**63
