import pytest

from accel.core.steps import Steps, duration_text


def test_each_part_is_told_with_what_has_passed_and_what_is_left():
    now, said = [0.0], []
    step = Steps(said.append, 3, clock=lambda: now[0])
    step("one")
    now[0] = 10.0
    step("two")
    now[0] = 30.0
    step("three")
    assert said == [
        "  1/3 one",
        "  2/3 two  (10 s so far, about 20 s to go)",
        "  3/3 three  (30 s so far, about 15 s to go)",
    ]


def test_more_parts_than_were_known_are_no_mistake():
    said = []
    step = Steps(said.append, 1)
    step("one")
    step("two")
    assert said[-1] == "  2/1 two"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s")]
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert duration_text(seconds) == text
