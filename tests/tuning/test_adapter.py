import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.inserts.hang", lambda layer, insert: None))


def test_objects_to_networks_wider_than_the_model():
    with pytest.raises(PlanError, match="at least 1"):
        decide(compose(["tuning=adapter", "tuning.reduction=0"]))


def test_every_network_moves(train):
    fitted, _, _ = train("tuning=adapter", "trainer.max_steps=4")
    found = fitted.evidence["adapter"]
    assert found["adapters"] == found["adapters_moved"] == 4
    assert 0 < found["trainable_share"] < 0.1
