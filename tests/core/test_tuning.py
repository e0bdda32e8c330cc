from accel.tuning.bitfit import Bitfit
from accel.tuning.full import Full


def test_the_share_that_learns_is_all_or_next_to_nothing_by_default():
    assert (Full().trained_share(None), Bitfit().trained_share(None)) == (1.0, 0.0)
