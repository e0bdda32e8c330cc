import pytest

from accel.compression._gradual import Schedule
from accel.compression.prune import Prune
from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide


@pytest.mark.parametrize(
    ("word", "text"), [("begin=0.7", "must begin before it ends"), ("every_steps=0", "must be at least 1")]
)
@pytest.mark.parametrize("option", ["prune", "mask"])
def test_every_gradual_option_objects_to_a_schedule_that_cannot_be(option, word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([f"compression=[{option}]", f"compression.{option}.{word}"]))


def test_one_shot_takes_everything_at_the_end():
    ramp = Prune(begin=0.0, end=0.5, every_steps=1, schedule=Schedule.one_shot).ramp(10)
    assert [ramp.share(step) for step in range(6)] == [0, 0, 0, 0, 0, 1]
