import torch

from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.activations import mean_squares


def test_a_decoder_that_hears_another_length_is_heard_whole():
    model = TinyT5().network(Classification(["a", "b"]))
    ids = torch.randint(5, 200, (2, 9))
    ids[:, -1] = model.config.eos_token_id
    layers = {n: m for n, m in model.named_modules() if n.endswith("DenseReluDense.wi")}
    found = mean_squares(model, layers, lambda: [{"input_ids": ids, "attention_mask": torch.ones_like(ids)}])
    assert set(found) == set(layers)
    assert all(x.shape == (layers[n].in_features,) and (x > 0).any() for n, x in found.items())
