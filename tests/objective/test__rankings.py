"""Rankings by words: BM25 beside the vectors of a model, for the same queries, by the same rules."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from accel.data import Split
from accel.data.bm25 import scored
from accel.objective._rankings import Rankings, by_words
from accel.objective.retrieval import Retrieval
from accel.run.behaviour import difference

TEXTS = [
    ("where is my parcel", "your parcel is on its way"),
    ("may I cancel", "you can cancel an order for an hour"),
    ("refund please", "money is back in a week"),
    ("where is my parcel", "a parcel takes three days"),
]
PAIRS = [[0, 10], [1, 11], [2, 12], [0, 13]]


def test_words_that_are_shared_find_a_passage_and_others_leave_it_to_chance():
    """Two queries share a word with what is right for them; the third shares none with any of the four passages."""
    report = by_words(TEXTS, PAIRS)
    assert report.metrics["recall_at_1"] == pytest.approx((1 + 1 + 1 / 4) / 3)
    assert report.kept.first[0][:2].tolist() in ([10, 13], [13, 10])
    assert "loss" not in report.metrics


def test_it_ranks_as_bm25_scores():
    rows = list(scored(["where is my parcel", "may I cancel", "refund please"], [passage for _, passage in TEXTS]))
    dense = torch.zeros(3, 4, dtype=torch.float64)
    for row, (places, values) in zip(dense, rows, strict=True):
        row[places] = torch.from_numpy(values)
    own = Rankings(*torch.tensor(PAIRS).T.contiguous(), PAIRS).report(lambda first, last: dense[first:last])
    assert own.metrics == by_words(TEXTS, PAIRS).metrics


def test_the_text_that_is_asked_is_not_its_own_answer():
    """A talk, whose turns are queries and passages: each shares all of its words with itself."""
    turns = ["good morning to you", "good day", "day by day"]
    talk = by_words([(turns[0], turns[1]), (turns[1], turns[2])], [[0, 1], [1, 2]])
    assert talk.metrics["recall_at_1"] == 1.0
    apart = by_words([(turns[0], turns[1]), (turns[1], turns[2])], [[0, 1], [3, 2]])  # negative control
    assert apart.metrics["recall_at_1"] == 0.5


def test_a_model_is_compared_with_it_query_by_query():
    objective = Retrieval.of_pairs(PAIRS, 0.1)
    dataset = SimpleNamespace(test=Split(TEXTS, PAIRS))
    ((name, words, count),) = objective.simple_models(dataset, 0)
    assert (name, count) == ("BM25", 4)
    vectors = torch.eye(4, dtype=torch.float64)[[0, 1, 2, 0, 0, 1, 2, 3]]  # finds all three
    scores = objective.scores(SimpleNamespace(labels=PAIRS))
    scores.update(vectors, torch.tensor(PAIRS).T.flatten())
    report = scores.compute()
    data = SimpleNamespace(objective=objective, test=None)
    found = difference(data, words, report)
    expected = report.metrics["ndcg_at_10"] - words.metrics["ndcg_at_10"]
    assert expected > 0
    assert found["difference"] == pytest.approx(expected)
    assert np.array_equal(report.kept.examples, words.kept.examples)
