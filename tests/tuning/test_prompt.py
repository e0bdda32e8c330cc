import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.core.shape import Shape
from accel.data.room import check_room
from accel.errors import DataError, PlanError
from accel.model.tiny_bert import TinyBert
from accel.plan.decide import decide
from accel.tuning.prompt import Prompt
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.prompts._read_prompt", lambda model, args, kwargs: (args, kwargs)))


def test_objects_to_a_prompt_of_nothing_and_to_what_cannot_read_one():
    with pytest.raises(PlanError, match="at least 1"):
        decide(compose(["tuning=prompt", "tuning.length=0"]))
    with pytest.raises(PlanError, match="neither a next token"):
        decide(compose(["tuning=prompt", "task=chitchat", "model=tiny_gpt2"]))
    with pytest.raises(PlanError, match="adds tokens"):
        decide(compose(["tuning=prompt", "compression=[distill]"]))


def test_a_prompt_for_which_there_are_no_positions_is_refused(tiny_run, capsys):
    """512 there are: the text has 500, and the prompt would need the rest and more."""
    assert main([*tiny_run, "tuning=prompt", "task.max_length=500"]) == 2
    assert "the model has positions for 512 tokens" in capsys.readouterr().err
    check_room(TinyBert(), TinyBert().tokenizer(), 500, 128)
    with pytest.raises(DataError):
        check_room(TinyBert(), TinyBert().tokenizer(), 500 + Prompt().extra_tokens, 128)


def test_the_forecast_knows_how_little_learns():
    shape = TinyBert().shape()
    assert isinstance(shape, Shape)
    assert Prompt(length=10).trained_share(shape) * shape.num_parameters == 10 * shape.width
