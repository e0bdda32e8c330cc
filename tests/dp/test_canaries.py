import numpy as np
import pytest
import torch
from torch import nn

from accel.dp.book import Book
from accel.dp.canaries import Canaries
from accel.dp.clipping import flat
from accel.dp.mechanism import Mechanism
from accel.dp.poisson import PoissonLoader
from accel.dp.sums import sum_of

MECHANISM = Mechanism(0.0, 0.5, "flat", 0.5, 10.0, 20, 4, 1e-5, "prv", None, True)


@pytest.fixture
def canaries():
    return Canaries(Book(nn.Linear(3, 2)), 200, MECHANISM, test_seed=0)


def test_about_half_take_part_and_two_runs_differ():
    book = Book(nn.Linear(3, 2))
    one, other = Canaries(book, 400, MECHANISM), Canaries(Book(nn.Linear(3, 2)), 400, MECHANISM)
    assert 140 < one.included.sum() < 260
    assert (one.included != other.included).any()


@pytest.mark.parametrize(("per_layer", "length"), [(False, 0.5), (True, 0.5 / 2**0.5)])
def test_whoever_is_drawn_and_takes_part_adds_one_clipped_gradient(canaries, per_layer, length):
    """Per layer the bound is shared: the canaries' own page and that of the model's layer."""
    canaries.book.zero()
    canaries.join(np.arange(100), flat(0.5), per_layer=per_layer)
    seen = sum_of(canaries.weight).numpy()
    assert seen[:100][canaries.included[:100]] == pytest.approx(length, rel=1e-4)
    assert not seen[:100][~canaries.included[:100]].any()
    assert not seen[100:].any()


def test_those_that_took_part_score_higher(canaries):
    for _ in range(3):
        canaries.book.zero()
        canaries.join(np.arange(200), flat(0.5), per_layer=False)
        sum_of(canaries.weight).div_(10.0)  # as the step divides by the expected batch
        canaries.listen()
    assert canaries.scores[canaries.included].min() > canaries.scores[~canaries.included].max()
    found = canaries.observed()
    assert found.steps == 3
    assert found.joined == 3 * canaries.included.sum()
    assert found.contributed / found.joined == pytest.approx(1, rel=1e-4)
    assert not found.noise.any()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_speaks_of_its_own_share_only(monkeypatch, rank):
    """The sampler deals canaries out behind the records; another process's coins are not known here."""
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: rank)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    birds = Canaries(Book(nn.Linear(3, 2)), 11, MECHANISM)
    draws = PoissonLoader(
        range(20),
        np.ones(20),
        list,
        sample_rate=1.0,
        steps=1,
        physical_batch_size=32,
        rank=rank,
        world_size=2,
        canaries=11,
    )
    indices = draws.draw()
    assert np.flatnonzero(birds.share).tolist() == (indices[indices >= 20] - 20).tolist()
    assert len(birds.observed().scores) == birds.share.sum()


def test_a_break_loses_nothing(canaries):
    canaries.book.zero()
    canaries.join(np.arange(50), flat(0.5), per_layer=False)
    canaries.listen()
    other = Canaries(Book(nn.Linear(3, 2)), 200, MECHANISM)
    other.load_state_dict(canaries.state_dict())
    for name in ("scores", "included", "noise"):
        assert (getattr(other.observed(), name) == getattr(canaries.observed(), name)).all()
    assert other.steps == 1


def test_the_model_does_not_notice_them(canaries):
    model = nn.Linear(3, 2)
    assert not any(p is canaries.weight for p in model.parameters())
    assert torch.equal(canaries.weight, torch.zeros(200))
