import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.adapters.inject_adapter_in_model", lambda config, model, adapter_name: model))


@pytest.mark.parametrize(
    ("word", "text"), [("rank=0", "at least 1"), ("alpha=0", "positive"), ("dropout=1", r"in \[0, 1\)")]
)
def test_objects_to_settings_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["tuning=lora", f"tuning.{word}"]))


def test_every_adapter_moves_and_the_body_does_not(train):
    fitted, _, _ = train("tuning=lora", "trainer.max_steps=6")
    found = fitted.evidence["lora"]
    assert found["adapters"] == found["adapters_moved"] == 13
    assert found["trainable_share"] < 0.2
