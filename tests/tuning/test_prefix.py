import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.prefixes._read_prefix", lambda module, args, kwargs: (args, kwargs)))


def test_objects_to_no_prefix_and_to_attention_without_a_past():
    with pytest.raises(PlanError, match="at least 1"):
        decide(compose(["tuning=prefix", "tuning.length=0"]))
    with pytest.raises(PlanError, match="takes no keys"):
        decide(compose(["tuning=prefix", "model=distilbert"]))
