"""The figures of rankings: by hand, beside scikit-learn, and ties as the mean over all orders."""

import itertools
import math

import pytest
import torch

from accel.ops.ranking import Ranked, among_first


def ranked(scores, relevant):
    return Ranked.of(torch.tensor(scores), torch.tensor(relevant).bool())


def figures(found):
    return (
        found.recall(1),
        found.recall(2),
        found.ndcg(10),
        found.mrr(),
        *(float(found.hits(k).mean()) for k in (1, 2, 3)),
    )


def test_by_hand():
    found = ranked([[0.9, 0.5, 0.1], [0.2, 0.7, 0.3]], [[1, 0, 0], [1, 0, 1]])
    assert found.recall(1) == pytest.approx((1 + 0) / 2)
    assert found.recall(2) == pytest.approx((1 + 1 / 2) / 2)
    assert found.recall(10) == 1.0
    assert found.mrr() == pytest.approx((1 + 1 / 2) / 2)
    best = 1 + 1 / math.log2(3)
    assert found.ndcg(10) == pytest.approx((1 + (1 / math.log2(3) + 1 / 2) / best) / 2)


def test_ndcg_is_that_of_scikit_learn():
    from sklearn.metrics import ndcg_score

    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(20, 50, generator=generator)
    relevant = torch.rand(20, 50, generator=generator) < 0.2
    relevant[:, 0] = True
    assert Ranked.of(scores, relevant).ndcg(10) == pytest.approx(ndcg_score(relevant, scores, k=10))


@pytest.mark.parametrize("relevant", [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]])
@pytest.mark.parametrize("scores", [[1, 1, 1, 1], [2, 1, 1, 1], [2, 2, 1, 1], [1, 2, 3, 3]])
def test_equal_scores_count_as_the_mean_over_all_orders(scores, relevant):
    orders = []
    for noise in itertools.permutations(range(4)):
        told_apart = [score + n / 100 for score, n in zip(scores, noise, strict=True)]
        orders.append(figures(ranked([told_apart], [relevant])))
    expected = [sum(column) / len(column) for column in zip(*orders, strict=True)]
    assert figures(ranked([scores], [relevant])) == pytest.approx(expected)


def test_a_network_that_says_the_same_of_everything_is_as_good_as_chance():
    """Negative control: counting equal scores as beaten would give 1."""
    assert ranked([[0.0] * 50], [[1] + [0] * 49]).recall(1) == pytest.approx(1 / 50)


def test_parts_are_the_whole():
    generator = torch.Generator().manual_seed(1)
    scores, relevant = torch.rand(9, 7, generator=generator).round(decimals=1), torch.eye(9, 7).bool()
    relevant[7:, 3] = True
    parts = [Ranked.of(scores[:4], relevant[:4]), Ranked.of(scores[4:], relevant[4:])]
    assert figures(Ranked.together(parts)) == pytest.approx(figures(Ranked.of(scores, relevant)))


def test_what_is_shown_to_somebody():
    """Of two that are equally good for the last place each has it half of the time; what is left out never."""
    shown = among_first(torch.tensor([[3.0, 2, 2, 1], [1, 1, 1, 1], [1, 2, -torch.inf, -torch.inf]]), 2)
    assert shown.tolist() == [[1, 0.5, 0.5, 0], [0.5] * 4, [1, 1, 0, 0]]
    assert among_first(torch.tensor([[1.0, -torch.inf]]), 2).tolist() == [[1, 0]]
