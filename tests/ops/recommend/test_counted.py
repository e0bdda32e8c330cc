"""Simple recommenders beside what loops and definitions say."""

import math

import pytest
import torch

from accel.ops.recommend.counted import Taken, ease, item_knn, popularity, recent_popularity

PAIRS = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 1), (2, 3), (3, 1)]


def taken(times=None):
    users, items = torch.tensor(PAIRS).unbind(1)
    return Taken(users, items, 4, 5, times)


def history():
    table = torch.zeros(4, 5, dtype=torch.bool)
    table[tuple(torch.tensor(PAIRS).T)] = True
    return table


def test_popularity_counts_users():
    scores = popularity(taken())(torch.arange(4), history())
    assert scores.shape == (4, 5)
    assert scores[2].tolist() == [3, 3, 1, 1, 0]


def test_recent_popularity_counts_the_last_days_alone():
    found = recent_popularity(taken(torch.tensor([0, 9, 1, 2, 3, 9, 10, 9.0])), seconds=1)(torch.arange(1), history())
    assert found[0].tolist() == [0, 3, 0, 1, 0]


def test_item_knn_adds_up_the_cosines_of_the_nearest():
    cosine = lambda both, one, other: both / math.sqrt(one * other)  # noqa: E731
    scores = item_knn(taken(), neighbours=4)(torch.tensor([3]), history()[3:])
    assert scores[0].tolist() == pytest.approx([cosine(2, 3, 3), 0, 0, cosine(1, 3, 1), 0])
    few, all_of_them = (item_knn(taken(), neighbours=n)(torch.tensor([1]), history()[1:2])[0] for n in (1, 4))
    assert float(few[0]) == 0  # item 1 is nearest to item 0, and the user has item 2
    assert float(all_of_them[0]) == pytest.approx(cosine(1, 3, 1))


def test_ease_is_the_best_linear_model_without_an_item_itself():
    ridge, table = 0.7, history().double()
    scores = ease(taken(), ridge)(torch.arange(4), history())
    for item in range(5):
        others = [i for i in range(5) if i != item]
        x = table[:, others]
        weights = torch.linalg.solve(x.T @ x + ridge * torch.eye(4, dtype=torch.float64), x.T @ table[:, item])
        torch.testing.assert_close(scores[:, item], x @ weights)
