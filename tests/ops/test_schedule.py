import pytest

from accel.ops.schedule import SHAPES, Ramp


@pytest.mark.parametrize("shape", SHAPES)
def test_is_zero_before_one_after_and_never_falls(shape):
    ramp = Ramp(10, 20, 1, shape)
    assert [ramp.share(step) for step in (0, 10, 20, 99)] == [0, 0, 1, 1]
    values = [ramp.share(step) for step in range(30)]
    assert values == sorted(values)


@pytest.mark.parametrize(("shape", "half"), [("cubic", 1 - 0.5**3), ("linear", 0.5), ("one_shot", 0.0)])
def test_half_of_the_way(shape, half):
    assert Ramp(0, 100, 1, shape).share(50) == pytest.approx(half)


def test_choices_come_every_so_many_steps_and_at_the_end():
    ramp = Ramp.of(50, 0.2, 0.7, 10, "linear")
    assert [step for step in range(51) if ramp.due(step)] == [20, 30, 35]


def test_all_at_once_is_one_choice():
    ramp = Ramp.of(50, 0.2, 0.7, 10, "one_shot")
    assert [step for step in range(51) if ramp.due(step)] == [35]


def test_even_the_shortest_run_has_an_end():
    ramp = Ramp.of(2, 0.1, 0.2, 10, "cubic")
    assert (ramp.begin_step, ramp.end_step) == (0, 1)
