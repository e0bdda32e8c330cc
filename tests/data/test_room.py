"""Too few positions or rows are told before training, with a remedy; what fits passes."""

from types import SimpleNamespace

import pytest

from accel.core.shape import Shape
from accel.data.room import check_room
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert

VALUES = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 1, "vocab_size": 300}


def model(**values):
    shape = Shape.from_config({**VALUES, "model_type": "bert", "max_position_embeddings": 512, **values}, "config.json")
    return SimpleNamespace(shape=lambda: shape, option_name=lambda: "mine")


@pytest.mark.parametrize(
    ("values", "max_length", "expected"),
    [
        ({}, 513, r"model=mine reads at most 512 tokens.* 513.*task\.max_length=512"),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 513, "at most 512 tokens"),
        ({"max_position_embeddings": 100}, 64, "at most 100 tokens, and models are timed with 128"),
        ({"vocab_size": 260}, 64, "tokenizer has 261 tokens, and its embedding 260 rows.*from the same model"),
    ],
)
def test_what_does_not_fit_is_refused(values, max_length, expected):
    with pytest.raises(DataError, match=expected):
        check_room(model(**values), TinyBert().tokenizer(), max_length, 128)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1},
        {"model_type": "llama", "max_position_embeddings": 100},
        {"vocab_size": 261},
    ],
)
def test_what_fits_passes(values):
    check_room(model(**values), TinyBert().tokenizer(), 512, 128)


def test_a_model_that_says_nothing_is_let_pass():
    def unknown():
        raise DataError("config.json names no width")

    for shape in (unknown, lambda: None):
        check_room(SimpleNamespace(shape=shape, option_name=lambda: "mine"), TinyBert().tokenizer(), 10**6, 128)
