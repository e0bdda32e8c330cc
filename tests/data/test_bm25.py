"""BM25 beside a naive loop, what is left out, and texts without spaces."""

import math
import re
from collections import Counter

import pytest

from accel.data import bm25
from accel.data.bm25 import nearest

TEXTS = [
    "the bag is at the gate",
    "the gate is closed",
    "a bag, a bag and a gate for bags",
    "nothing of the kind",
    "Gate 7",
    "my bag was lost by the crew and nobody at the desk of the airline has called me back since",
]
QUERIES = ["where is my bag", "gate?", "bag bag gate", "xyz", "!"]


def naive(query, texts):
    """Text by text, word by word."""
    words = [re.findall(r"\b\w+\b", text.lower()) for text in texts]
    mean = sum(map(len, words)) / len(words)
    found = []
    for text in words:
        score = 0.0
        for word in re.findall(r"\b\w+\b", query.lower()):
            texts_with, times = sum(word in other for other in words), Counter(text)[word]
            idf = math.log(1 + (len(words) - texts_with + 0.5) / (texts_with + 0.5))
            score += idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * len(text) / mean))
        found.append(score)
    ranked = sorted(range(len(texts)), key=lambda place: -found[place])
    return [place for place in ranked if found[place] > 0]


def places(queries, texts, excluded=None, count=10):
    return [found.tolist() for found in nearest(queries, texts, excluded or [()] * len(queries), count)]


@pytest.mark.parametrize("count", [1, 3, 10])
def test_ranks_as_a_loop_does(count):
    assert places(QUERIES, TEXTS, count=count) == [naive(query, TEXTS)[:count] for query in QUERIES]


def test_what_is_excluded_is_not_found():
    (whole,) = places(["gate"], TEXTS)
    assert places(["gate"], TEXTS, [{whole[0], whole[2]}]) == [[whole[1], whole[3]]]


def test_a_word_of_too_many_texts_tells_none_apart(monkeypatch):
    monkeypatch.setattr(bm25, "COMMON", 3)
    assert places(["gate"], TEXTS) == [[]]
    assert places(["closed gate"], TEXTS) == [[1]]
    monkeypatch.setattr(bm25, "COMMON", 4)  # negative control
    assert len(places(["gate"], TEXTS)[0]) == 4


def test_batches_of_queries_change_nothing(monkeypatch):
    whole = places(QUERIES, TEXTS)
    monkeypatch.setattr(bm25, "AT_ONCE", 2)
    assert places(QUERIES, TEXTS) == whole


def test_where_words_are_not_spaced_characters_count():
    assert places(["行李在哪里"], ["登机口关了", "行李在登机口", "天气很好"])[0][0] == 1
    assert places(["x"], ["!", "?"]) == [[]]
