import numpy as np
import pytest

from accel.objective.answers import EntityAnswers, LabelAnswers, softmax


def test_the_likeliest_label_is_the_answer():
    found = LabelAnswers(["a", "b"]).answer_to((), np.array([0.0, np.log(3.0)], np.float32), ())
    assert (found["label"], found["score"]) == ("b", pytest.approx(0.75))
    assert found["scores"] == {"a": pytest.approx(0.25), "b": pytest.approx(0.75)}


def test_large_logits_do_not_overflow():
    assert softmax(np.array([1e4, 0.0], np.float32)).tolist() == [1.0, 0.0]


def test_an_entity_stands_where_it_stands_in_the_text():
    logits = 9.0 * np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]  # [CLS] new york .
    (found,) = EntityAnswers(["O", "B-L", "I-L"]).answer_to(("New  York.",), logits, [(0, 0), (0, 3), (4, 8), (9, 10)])[
        "entities"
    ]
    assert (found["start"], found["end"], found["label"], found["text"]) == (0, 9, "L", "New  York")
