import numpy as np
import pytest

from accel.ops import tfidf
from accel.ops.tfidf import spacing, tfidf_logistic

GOOD = ["a good room", "good staff", "it was a good day", "very good indeed"]
BAD = ["a bad room", "bad staff", "it was a bad day", "very bad indeed"]
LABELS = [0] * 4 + [1] * 4


def asked(texts=GOOD + BAD, labels=LABELS, num_labels=2, of=("a good trip", "a bad trip", "zzz")):
    return tfidf_logistic(texts, labels, num_labels, list(of))


def test_it_learns_which_words_tell_and_gives_probabilities():
    found = asked()
    assert found is not None
    assert found.log_probabilities[:2].argmax(1).tolist() == [0, 1]
    assert np.exp(found.log_probabilities).sum(1) == pytest.approx([1, 1, 1])
    assert np.exp(found.log_probabilities[2]) == pytest.approx([0.5, 0.5], abs=0.01)  # no word that it knows


def test_the_same_texts_give_the_same_figures():
    assert (asked().log_probabilities == asked().log_probabilities).all()


def test_chinese_is_read_by_characters():
    texts = ["房间很干净", "服务很干净", "环境干净", "房间很脏乱", "服务很脏乱", "环境脏乱"]
    found = asked(texts, [0, 0, 0, 1, 1, 1], of=["大堂干净", "大堂脏乱"])
    assert found.log_probabilities.argmax(1).tolist() == [0, 1]


def test_a_label_that_was_never_seen_is_all_but_impossible():
    found = asked(num_labels=3)
    assert found.log_probabilities.shape == (3, 3)
    assert (found.log_probabilities[:, 2] == np.log(tfidf.LEAST)).all()


def test_texts_without_a_word_or_with_one_label_have_nothing_to_tell():
    assert asked(["!", "?"], [0, 1]) is None
    assert asked(GOOD, [0] * 4) is None
    assert asked([], []) is None


def test_of_huge_data_evenly_spaced_texts_are_learned_from(monkeypatch):
    assert spacing(1_100_000, 3) == 1
    assert spacing(80_000_000, 2) == 10
    assert spacing(4_000_000, 100) == 10
    monkeypatch.setattr(tfidf, "MOST_LETTERS", 60)
    assert asked().num_texts == 4
