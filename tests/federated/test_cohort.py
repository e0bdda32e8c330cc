import numpy as np
import pytest

from accel.federated.cohort import Cohort, dealt


def sizes(cohort, rounds=3000, of="asked"):
    return np.array([len(getattr(cohort, of)(n)) for n in range(rounds)])


def test_sizes_are_those_of_a_poisson_sample():
    """A fixed number of clients would have no variance."""
    found = sizes(Cohort(100, 20.0, 0.0, seed=0))
    assert abs(found.mean() - 20) < 4 * (16 / 3000) ** 0.5
    assert 0.85 * 16 < found.var() < 1.15 * 16


def test_all_take_part_where_as_many_are_expected():
    assert set(sizes(Cohort(7, 7.0, 0.0, seed=0), 100)) == {7}


def test_some_of_those_asked_do_not_answer():
    cohort = Cohort(100, 50.0, 0.2, seed=0)
    assert abs(sizes(cohort, of="answering").mean() - 40) < 0.5
    assert set(cohort.answering(3)) < set(cohort.asked(3))


def test_somebody_always_answers():
    cohort = Cohort(5, 0.01, 0.99, seed=0)
    assert min(sizes(cohort, 200, of="answering")) == 1
    assert len({int(cohort.asked(n)[0]) for n in range(200)}) == 5


def test_round_and_seed_decide():
    asked = [tuple(Cohort(50, 10.0, 0.0, seed).asked(n)) for seed in (0, 1) for n in (0, 1)]
    assert len(set(asked)) == 4
    assert asked[0] == tuple(Cohort(50, 10.0, 0.0, 0).asked(0))


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_processes_share_the_clients_and_their_work(processes):
    work = [9, 1, 1, 1, 1, 5]
    hands = [dealt([2, 3, 5, 7, 11, 13], work, rank, processes) for rank in range(processes)]
    assert sorted(client for hand in hands for client in hand) == [2, 3, 5, 7, 11, 13]
    assert all(2 not in hand or 13 not in hand for hand in hands) or processes == 1
