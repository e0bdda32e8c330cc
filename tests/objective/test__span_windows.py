"""Rows of windows: what each holds and teaches, and what is counted as truncated."""

import pytest

from accel.data import Split
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from tests.objective.span_examples import LENGTH, LONG, OBJECTIVE, collated, tokenized


@pytest.mark.parametrize("option", [TinyBert, TinyT5])
def test_a_window_holds_the_question_and_teaches_an_answer_that_is_whole_in_it(option):
    tokenizer = option().tokenizer()
    data, found = tokenized(option=option)
    assert found.num_truncated == 0
    batch = collated(data, range(4))
    answers = []
    for ids, label, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        number, first, last, start, end = label.tolist()
        assert 0 < first < last < int(mask.sum()) <= LENGTH
        if end:
            answers.append((number, tokenizer.decode(ids[start : end + 1]).strip()))
    assert {(0, "bob"), (0, "lamp"), (1, "ann"), (3, "c")} == set(answers)
    assert (batch["labels"][:, 0] == 2).sum() == 1


def test_what_is_truncated_is_counted():
    """A question that is cut, an answer whole in no window, one that is longer than an answer may be."""
    texts = [("who " * 20, "ann"), ("who", LONG), ("who", LONG), ("who", "ann")]
    labels = [[[0, 3]], [[0, 60]], [[0, 14]], [[0, 3]]]
    found = OBJECTIVE.encode(Split(texts, labels), TinyBert().tokenizer(), LENGTH)
    assert found.num_truncated == 3
