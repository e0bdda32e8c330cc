import numpy as np
import torch

from accel.engines.eager import EagerRunner
from accel.export.onnx import random_inputs
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification


def test_gives_the_models_logits():
    model = TinyBert().network(Classification(["a", "b"]))
    engine = EagerRunner(model.train(), "float32", 7)  # it is measured without dropout, whatever was done before
    inputs = random_inputs(model, 2, 16)
    found = engine.run(inputs)
    with torch.inference_mode():
        expected = model.eval()(**{k: torch.from_numpy(v) for k, v in inputs.items()}).logits.numpy()
    assert np.array_equal(found, expected)
    assert (engine.dtype, engine.size_bytes) == ("float32", 7)
