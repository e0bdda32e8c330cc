import torch

from accel.ops.recommend import simple
from accel.ops.recommend.counted import Taken

PAIRS = torch.tensor([[0, 0], [0, 1], [1, 1]]).T


def names(**more):
    return [name for name, _ in simple.simple_recommenders(Taken(*PAIRS, 2, 2, **more), lambda recommend: 0.0, 0)]


def test_what_needs_times_is_left_out_without_them():
    assert names() == ["popularity", "item-kNN", "EASE", "BPR"]
    assert names(times=torch.tensor([0.0, 1.0, 2.0])) == ["popularity", "recent popularity", *names()[1:]]


def test_what_would_take_minutes_is_left_out(monkeypatch):
    monkeypatch.setattr(simple, "DENSE", 1)
    assert names() == ["popularity", "BPR"]
    monkeypatch.setattr(simple, "MOST_PAIRS", 2)
    assert names() == ["popularity"]
