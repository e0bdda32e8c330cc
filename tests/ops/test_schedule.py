import pytest

from accel.ops.schedule import cubic


def test_is_zero_before_and_one_after():
    assert [cubic(step, 10, 20) for step in (0, 10, 20, 99)] == [0, 0, 1, 1]


def test_rises_fast_first_and_slowly_at_the_end():
    values = [cubic(step, 0, 100) for step in range(101)]
    assert values == sorted(values)
    assert values[50] == pytest.approx(1 - 0.5**3)
