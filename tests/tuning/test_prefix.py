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


def test_an_architecture_that_is_known_and_not_taken_apart_is_refused_before_the_run():
    with pytest.raises(PlanError, match="accel does not know it; it knows bert"):
        decide(compose(["tuning=prefix", "model=hub", "model.name=facebook/bart-base", "model.architecture=bart"]))
