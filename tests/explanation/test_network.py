import pytest
import torch

from accel.explanation.network import Network
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.prefixes import add_prefix


@pytest.mark.parametrize("prompt", [0, 3])
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_at_a_texts_own_embeddings_the_logits_are_its_own(predictor, model_class, prompt):
    one = predictor(model_class, prompt=prompt)
    network, inputs = Network(one.model), one.inputs(["a rude crew"])
    points = network.embedded(inputs)
    assert len(points) == inputs["input_ids"].shape[1] + network.prompt()[1]
    assert network.prompt()[1] == prompt
    found = network.logits_at(inputs, points.expand(2, *points.shape))
    with torch.inference_mode():
        expected = one.model(**inputs).logits.expand(2, -1)
    torch.testing.assert_close(found.detach(), expected, atol=1e-6, rtol=1e-5)
    moved = network.logits_at(inputs, 2 * points[None])
    assert not torch.allclose(moved, expected[:1])


def test_an_encoder_decoder_model_reads_the_same_text_twice(predictor):
    """With another text's embeddings in place, the logits are the other text's, the decoder's part included."""
    one = predictor(TinyT5)
    network, (inputs, other) = Network(one.model), (one.inputs([text]) for text in ("a rude crew", "a nice crew"))
    found = network.logits_at(inputs, network.embedded(other)[None])
    with torch.inference_mode():
        torch.testing.assert_close(found.detach(), one.model(**other).logits.clone(), atol=1e-6, rtol=1e-5)


def test_attention_is_that_among_tokens_whatever_prefix_they_read():
    model = add_prefix(TinyBert().network(Classification(["a", "b"])), 3)
    inputs = {"input_ids": torch.tensor([[1, 20, 30, 3]])}
    found = Network(model).attentions(inputs)
    assert [layer.shape for layer in found] == [(4, 4), (4, 4)]
    assert all((layer.sum(-1) < 1).all() for layer in found)  # the rest is the prefix's


def test_no_hook_is_left(predictor):
    network = Network(predictor().model)
    network.embedded({"input_ids": torch.tensor([[1, 2]]), "attention_mask": torch.ones(1, 2, dtype=torch.long)})
    assert not any(module._forward_hooks for module in network.model.modules())
