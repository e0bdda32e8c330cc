import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.task.chitchat import Chitchat


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["task.block_length=4"], "at least 8 tokens"),
        (["task.test_fraction=0"], "between 0 and 1"),
        (["model=tiny_bert"], "must predict each token from those before it"),
    ],
)
def test_objects_to_what_no_language_model_is(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["task=chitchat", "model=tiny_gpt2", *words]))


def test_a_block_is_as_long_as_an_example_may_be():
    assert Chitchat(block_length=32).max_tokens() == 32
