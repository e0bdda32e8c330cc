import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.scaled.replace", lambda model, wanted, make: None))


def test_factors_of_every_layer_move(train):
    fitted, _, _ = train("tuning=ia3", "trainer.max_steps=4")
    found = fitted.evidence["ia3"]
    assert found["layers"] == found["layers_moved"] == 2 * 3
    assert 0 < found["trainable_share"] < 0.02


def test_factors_have_no_gradient_of_a_record():
    with pytest.raises(PlanError, match="per-example gradients"):
        decide(compose(["tuning=ia3", "privacy=dpsgd"]))
