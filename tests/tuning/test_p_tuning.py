import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.prompts._read_prompt", lambda model, args, kwargs: (args, kwargs)))


@pytest.mark.parametrize("name", ["length", "hidden"])
def test_objects_to_sizes_that_cannot_be(name):
    with pytest.raises(PlanError, match="at least 1"):
        decide(compose(["tuning=p_tuning", f"tuning.{name}=0"]))


def test_the_network_has_no_gradient_of_a_record():
    with pytest.raises(PlanError, match=r"per-example\s+gradients"):
        decide(compose(["tuning=p_tuning", "privacy=dpsgd"]))
