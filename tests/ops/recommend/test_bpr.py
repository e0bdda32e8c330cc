"""BPR: its loss, its negatives, and that it finds two tastes."""

import math

import pytest
import torch

from accel.ops.recommend.bpr import Factors, Negatives, bpr
from accel.ops.recommend.counted import Taken


def two_tastes(num_users=40, num_items=20):
    """Even users take most of the first half of the items, odd ones of the second."""
    order = torch.Generator().manual_seed(0)
    wanted = (torch.arange(num_users) % 2)[:, None] == (torch.arange(num_items) >= num_items // 2).long()
    table = wanted & (torch.rand(num_users, num_items, generator=order) < 0.7)
    users, items = table.nonzero(as_tuple=True)
    return Taken(users, items, num_users, num_items), wanted & ~table, ~wanted


def test_the_loss_by_hand():
    model = Factors(2, 3, 4, torch.Generator().manual_seed(0))
    gap = float((model.users[1] @ (model.items[2] - model.items[0])).detach())
    found = float(model.loss(torch.tensor([1]), torch.tensor([2]), torch.tensor([0])).detach())
    assert found == pytest.approx(-math.log(1 / (1 + math.exp(-gap))), rel=1e-5)


def test_negatives_were_not_taken():
    taken, *_ = two_tastes()
    found = Negatives(taken, torch.Generator().manual_seed(0)).draw(taken.users)
    have = set(zip(taken.users.tolist(), taken.items.tolist(), strict=True))
    assert not have & set(zip(taken.users.tolist(), found.tolist(), strict=True))
    assert len(set(found.tolist())) == taken.num_items


def test_one_who_took_everything_stops_nothing():
    everything = Taken(torch.tensor([0, 0]), torch.tensor([0, 1]), 1, 2)
    assert Negatives(everything, torch.Generator().manual_seed(0)).draw(torch.tensor([0])).shape == (1,)


def test_it_finds_what_is_left_of_a_taste_and_keeps_its_best_epoch():
    taken, left, unwanted = two_tastes()
    seen = []

    def quality(recommend):
        scores = recommend(torch.arange(40), left)
        seen.append(float((scores * left).sum() / left.sum() - (scores * unwanted).sum() / unwanted.sum()))
        return seen[-1] if len(seen) <= 40 else -1.0

    best = bpr(taken, quality, most_epochs=60)
    assert len(seen) == 40 + 11  # patience
    assert quality(best) == -1.0
    assert seen[-1] == max(seen[:40]) > seen[0]


def test_the_same_seed_learns_the_same():
    taken, left, _ = two_tastes()
    one, again, other = (
        bpr(taken, lambda recommend: 0.0, seed=seed, most_epochs=3)(torch.arange(2), left) for seed in (3, 3, 4)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
