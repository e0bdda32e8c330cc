import contextlib

import pytest
import torch
from torch import nn

from accel.errors import RunError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops import layers
from accel.ops.layers import compile_layers, plain_layers, recompute_layers
from accel.ops.structured.structure import find_layers

MODELS = [TinyBert, TinyGpt2, TinyLlama, TinyT5]


def model_of(option):
    model = option().network(Classification(["a", "b"]))
    ids = torch.randint(5, 200, (4, 32), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = model.config.eos_token_id or 1
    return model, ids


def gradients(model, ids):
    """With dropout on; and the bytes that were kept for the backward pass."""
    kept = {}

    def pack(x):
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    torch.manual_seed(1)
    model.zero_grad()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        loss = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.square().sum()
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    loss.backward()
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    return found, sum(size for address, size in kept.items() if address not in weights)


@pytest.mark.parametrize("option", MODELS, ids=lambda option: option.__name__)
def test_recomputed_layers_have_the_same_gradients_and_keep_less(option):
    model, ids = model_of(option)
    assert model.config.to_dict().get("hidden_dropout_prob", 0.1) > 0
    expected, before = gradients(model, ids)
    recompute_layers(model)
    found, after = gradients(model, ids)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert after < 0.5 * before
    plain_layers(model)
    assert gradients(model, ids)[1] == before


def test_a_layer_that_draws_other_dropout_is_told_apart():
    """Negative control: gradients under another seed differ."""
    model, ids = model_of(TinyBert)
    expected, _ = gradients(model, ids)
    with fixed_seed(2):
        found, _ = gradients(model, ids)
    assert not all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


@contextlib.contextmanager
def fixed_seed(seed):
    original = torch.manual_seed
    torch.manual_seed = lambda _: original(seed)
    try:
        yield
    finally:
        torch.manual_seed = original


def test_every_layer_is_compiled_and_given_back():
    model, _ = model_of(TinyGpt2)
    compile_layers(model)
    assert all(layer._compiled_call_impl is not None for layer in find_layers(model))
    names = list(model.state_dict())
    plain_layers(model)
    assert all(layer._compiled_call_impl is None for layer in find_layers(model))
    assert list(model.state_dict()) == names


def test_what_cannot_be_done_is_refused(monkeypatch):
    model, _ = model_of(TinyBert)
    monkeypatch.setattr(type(model), "supports_gradient_checkpointing", False)
    with pytest.raises(RunError, match="activation_checkpointing=false"):
        recompute_layers(model)
    monkeypatch.setattr(layers, "find_layers", lambda model: [])
    with pytest.raises(RunError, match=r"trainer\.compile=false"):
        compile_layers(model)
    assert isinstance(model, nn.Module)
