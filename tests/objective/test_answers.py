import numpy as np
import pytest

from accel.core.meta import Meta
from accel.objective.answers import (
    EntityAnswers,
    LabelAnswers,
    LabelSetAnswers,
    LevelAnswers,
    NumberAnswers,
    sigmoid,
    softmax,
)


def test_the_likeliest_label_is_the_answer():
    found = LabelAnswers(["a", "b"]).answer_to((), np.array([0.0, np.log(3.0)], np.float32), ())
    assert (found["label"], found["score"]) == ("b", pytest.approx(0.75))
    assert found["scores"] == {"a": pytest.approx(0.25), "b": pytest.approx(0.75)}


def test_large_logits_do_not_overflow():
    assert softmax(np.array([1e4, 0.0], np.float32)).tolist() == [1.0, 0.0]


def test_a_label_holds_from_its_own_threshold_on():
    meta = Meta(label_names=["a", "b", "c"], max_length=8, answering={"thresholds": [0.2, 0.5, 0.95]})
    found = LabelSetAnswers.of(meta).answer_to((), np.array([-1.0, 0.0, 2.0], np.float32), ())
    assert found["labels"] == ["b", "a"]
    assert found["scores"] == pytest.approx({"a": 0.268941, "b": 0.5, "c": 0.880797}, abs=1e-6)
    assert sigmoid(np.array([-1e4, 1e4], np.float32)).tolist() == [0.0, 1.0]


def test_a_number_is_in_its_own_unit_and_a_level_is_the_nearest():
    meta = Meta(label_names=["1", "2.5", "4"], max_length=8, answering={"mean": 2, "std": 1.5})
    found = {
        kind.name: kind.of(meta).answer_to((), np.array([0.5], np.float32), ())
        for kind in (NumberAnswers, LevelAnswers)
    }
    assert found == {"regression": {"number": 2.75}, "ordinal regression": {"level": 2.5, "number": 2.75}}


def test_an_entity_stands_where_it_stands_in_the_text():
    logits = 9.0 * np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]  # [CLS] new york .
    (found,) = EntityAnswers(["O", "B-L", "I-L"]).answer_to(("New  York.",), logits, [(0, 0), (0, 3), (4, 8), (9, 10)])[
        "entities"
    ]
    assert (found["start"], found["end"], found["label"], found["text"]) == (0, 9, "L", "New  York")
