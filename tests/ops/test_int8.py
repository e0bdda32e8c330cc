import copy

import pytest
import torch
from torch import nn

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.ops import int8
from accel.ops.int8_layers import count_quantized


def inputs():
    ids = torch.randint(5, 200, (4, 20), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 3
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def prepared(model_class=TinyBert):
    model = model_class().classifier(["a", "b"]).eval()
    int8.prepare(model, embeddings=True)
    return model


@pytest.mark.parametrize("shape", [(8, 32), (64, 384), (17, 33)])
def test_one_layer_converts_to_what_was_trained(shape):
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(shape[1], shape[0] + 16))
    x = torch.randn(5, 7, shape[1])
    int8.prepare(layer, embeddings=False)
    with torch.no_grad():
        expected = layer(x)
        found = int8.convert(copy.deepcopy(layer))(x)
    assert (expected - found).abs().max() <= 1e-5 * expected.abs().max()


def test_a_changed_scale_breaks_the_equality():
    """Negative control of the test above."""
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(64, 64))
    x = torch.randn(5, 64)
    int8.prepare(layer, embeddings=False)
    with torch.no_grad():
        expected = layer(x)
        broken = int8.convert(layer)
        broken[0].weight_scale.mul_(1.01)
        assert (expected - broken(x)).abs().max() > 1e-3 * expected.abs().max()


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_every_architecture_is_quantized_whole(model_class):
    """GPT-2's Conv1D is never skipped in silence; a rounding tie may flip one step of the int8 grid in a deep model."""
    model = prepared(model_class)
    linears = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features >= int8.MIN_OUT_FEATURES]
    assert len(linears) >= 8
    assert len(list(int8.fake_quantized(model))) >= len(linears)
    expected = model(**inputs()).logits
    converted = int8.convert(copy.deepcopy(model))
    with torch.no_grad():
        found = converted(**inputs()).logits
    assert count_quantized(converted) >= len(linears)
    assert (expected - found).abs().max() < 0.02 * expected.abs().max().clamp_min(1)


def test_prepare_is_idempotent_and_keeps_the_parameters():
    model = TinyBert().classifier(["a", "b"])
    before = {id(p) for p in model.parameters()}
    first = int8.prepare(model, embeddings=True)
    assert int8.prepare(model, embeddings=True) == first > 0
    assert {id(p) for p in model.parameters()} == before


def test_switched_off_it_is_the_plain_model():
    plain = TinyBert().classifier(["a", "b"]).eval()
    model = prepared()
    rounded = model(**inputs()).logits
    int8.enable(model, enabled=False)
    assert torch.equal(model(**inputs()).logits, plain(**inputs()).logits)
    assert not torch.equal(rounded, plain(**inputs()).logits)


def test_the_gradient_passes_straight_through():
    x = torch.randn(3, 8, requires_grad=True)
    int8.RowFakeQuantizer()(x).backward(torch.full((3, 8), 2.0))
    assert torch.equal(x.grad, torch.full((3, 8), 2.0))
