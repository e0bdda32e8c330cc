import numpy as np
import pytest

from accel.behaviour.places import Places


def places(hits, first):
    return Places(np.arange(2), np.array([4, 5]), np.array(hits) / 2, np.array(hits), np.array(first))


def test_what_stays_and_who_finds_it_no_more():
    before, after = places([1.0, 0.0], [[4, 7, -1], [1, 2, 3]]), places([0.0, 1.0], [[7, 8, 9], [5, 2, 3]])
    found = after.change(before)
    assert found == {"queries": 2, "same_first_ten": pytest.approx((1 / 2 + 2 / 3) / 2), "lost": 1, "found": 1}
    same = after.change(after)
    assert (same["same_first_ten"], same["lost"], same["found"]) == (1.0, 0, 0)


def test_rankings_of_other_users_do_not_compare():
    other = Places(np.arange(2), np.array([4, 6]), np.zeros(2), np.zeros(2), np.zeros((2, 3)))
    assert not other.pairs_with(places([1.0, 0.0], [[1], [1]]))
