import numpy as np
import torch

from accel.dp.poisson import PoissonLoader

LENGTHS = np.array([3 + i % 7 for i in range(400)])


def loader(rate=0.1, rank=0, world_size=1, test_seed=None, steps=50, physical=16):
    return PoissonLoader(
        list(range(len(LENGTHS))),
        LENGTHS,
        lambda rows: {"ids": torch.tensor(rows)},
        sample_rate=rate,
        steps=steps,
        physical_batch_size=physical,
        rank=rank,
        world_size=world_size,
        test_seed=test_seed,
    )


def sizes(batches):
    return np.array([sum(int(real.sum()) for _, real in batch.parts) for batch in batches])


def test_sizes_are_binomial():
    """Mean within four standard errors, and a variance that a fixed batch size does not have."""
    found = sizes([draws.batch(draws.draw()) for draws in [loader()] for _ in range(2000)])
    expected, variance = 400 * 0.1, 400 * 0.1 * 0.9
    assert abs(found.mean() - expected) < 4 * (variance / 2000) ** 0.5
    assert 0.85 * variance < found.var() < 1.15 * variance


def test_two_draws_are_independent_and_two_loaders_differ():
    one, other = loader(), loader()
    first, second, third = set(one.draw().tolist()), set(one.draw().tolist()), set(other.draw().tolist())
    assert len({frozenset(first), frozenset(second), frozenset(third)}) == 3


def test_a_batch_holds_each_drawn_record_once_by_length():
    draws = loader(rate=0.5)
    indices = draws.draw()
    batch = draws.batch(indices)
    seen = [int(i) for rows, _ in batch.parts for i in rows["ids"]]
    assert sorted(seen) == sorted(indices.tolist())
    assert all(len(real) <= 16 for _, real in batch.parts)
    assert [LENGTHS[i] for i in seen] == sorted(LENGTHS[i] for i in seen)


def test_an_empty_draw_is_a_step_of_its_own():
    draws = loader(rate=0.0)
    assert len(draws) == 50
    batches = list(draws)
    assert len(batches) == 50
    assert sizes(batches).sum() == 0
    assert all(len(rows["ids"]) == 1 for batch in batches for rows, _ in batch.parts)


def test_the_ranks_share_the_records_and_the_union_is_the_single_draw():
    single = loader(test_seed=3)
    ranks = [loader(rank=r, world_size=2, test_seed=3) for r in range(2)]
    for _ in range(5):
        single.drawn += 1
        parts = []
        for rank in ranks:
            rank.drawn += 1
            parts.append(set(rank.draw().tolist()))
        assert parts[0] | parts[1] == set(single.draw().tolist())
        assert not parts[0] & parts[1]


def test_without_a_test_seed_ranks_do_not_throw_the_same_coins():
    first, second = loader(rank=0, world_size=2), loader(rank=1, world_size=2)
    assert set((first.draw() // 2).tolist()) != set((second.draw() // 2).tolist())


def test_resuming_finishes_the_epoch_with_fresh_draws_and_tells_nothing():
    draws = loader()
    batches = iter(draws)
    for _ in range(20):
        next(batches)
    state = draws.state_dict()
    assert state == {"drawn": 20}
    resumed = loader()
    resumed.load_state_dict(state)
    assert len(list(resumed)) == 30
    assert len(list(resumed)) == 50


def test_canaries_throw_their_coins_behind_the_records():
    draws = PoissonLoader(
        list(range(20)),
        np.ones(20),
        lambda rows: {"ids": torch.tensor(rows)},
        sample_rate=0.5,
        steps=400,
        physical_batch_size=64,
        canaries=30,
    )
    batches = list(draws)
    assert {i for b in batches for i in b.canaries} == set(range(30))
    assert 13.5 < np.mean([len(b.canaries) for b in batches]) < 16.5
    assert max(int(i) for b in batches for rows, _ in b.parts for i in rows["ids"]) == 19


def test_all_rows_of_a_record_are_drawn_and_computed_together():
    owners = np.repeat(np.arange(9), [1, 5, 2, 1, 1, 3, 1, 2, 1])
    draws = PoissonLoader(
        list(range(len(owners))),
        np.ones(len(owners)),
        lambda rows: {"ids": torch.tensor(rows)},
        sample_rate=0.6,
        steps=50,
        physical_batch_size=4,
        records=owners,
        test_seed=1,
    )
    sizes = set()
    for batch in draws:
        for rows, real in batch.parts:
            found = owners[rows["ids"].numpy()]
            whole = np.flatnonzero(np.isin(owners, found))
            assert sorted(rows["ids"].tolist()) == whole.tolist()
            _, numbers = np.unique(rows["records"].numpy(), return_inverse=True)
            assert len(real) == len(set(found)) == int(rows["records"].max()) + 1
            assert all(len(set(found[numbers == n])) == 1 for n in range(len(real)))
            sizes.add(len(found))
    assert sizes >= {3, 4, 5}
    assert max(sizes) == 5
