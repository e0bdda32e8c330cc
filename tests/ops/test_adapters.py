import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.adapters import MergedLora, adapter_norms, add_lora, merge, merge_in_the_loop
from accel.ops.quantize import fake_quantize, kernels
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_merged_equals_adapted(model_class):
    model = add_lora(model_class().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0).eval()
    for name, parameter in model.named_parameters():
        if ".lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    adapted = model(input_ids=IDS).logits
    plain = model_class().network(Classification(["a", "b"])).eval()(input_ids=IDS).logits
    assert (adapted - plain).abs().max() > 1e-4
    merge(model)
    assert not adapter_norms(model)
    assert (model(input_ids=IDS).logits - adapted).abs().max() < 1e-5


def test_only_adapters_and_head_train():
    model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0)
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trained
    assert all(".lora_" in n or n.startswith("classifier.") for n in trained)


def test_fresh_adapters_have_not_moved():
    model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0)
    norms = adapter_norms(model)
    assert len(norms) == 13
    assert set(norms.values()) == {0.0}
    assert add_lora(model, rank=4, alpha=8, dropout=0) is model


def rounded(scheme, *, in_the_loop, model_class=TinyBert):
    """A model whose adapters are far from zero, with rounding in it."""
    model = add_lora(model_class().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0).eval()
    fake_quantize.prepare(model, scheme)
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if ".lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    if in_the_loop:
        merge_in_the_loop(model)
        merge_in_the_loop(model)
    return model


@pytest.mark.parametrize("scheme", [Int8(Int8Rows()), Int4WeightOnly(Int8Rows())], ids=lambda s: s.name)
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_what_is_stored_is_the_merged_weight_that_was_trained_rounded(monkeypatch, scheme, model_class):
    monkeypatch.setattr(kernels, "has_packed_int4", lambda group_size: False)  # it would round activations to bf16
    model = rounded(scheme, in_the_loop=True, model_class=model_class)
    with torch.no_grad():
        trained = model(input_ids=IDS).logits
        merge(model)
        assert torch.equal(model(input_ids=IDS).logits, trained)
        assert not [m for m in model.modules() if isinstance(m, MergedLora)]
        stored = fake_quantize.convert(model)(input_ids=IDS).logits
    assert (stored - trained).abs().max() < 0.02 * trained.abs().max().clamp_min(1)  # an int8 tie may fall elsewhere


def test_an_adapter_beside_a_rounded_weight_is_another_model():
    """Negative control, and the silent failure of merging into a quantized base: round(W) + A is not round(W + A)."""
    model = rounded(Int4WeightOnly(), in_the_loop=False)
    with torch.no_grad():
        trained = model(input_ids=IDS).logits
        merge(model)
        assert (model(input_ids=IDS).logits - trained).abs().max() > 1e-3


def test_the_adapter_learns_through_the_rounding():
    model = rounded(Int8(), in_the_loop=True)
    model(input_ids=IDS).logits.square().sum().backward()
    grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert len([n for n in grads if ".lora_" in n]) == 26
    assert all(grad is not None and grad.abs().max() > 0 for grad in grads.values())


def test_the_sum_is_made_in_full_precision_under_autocast():
    model = rounded(Int8(), in_the_loop=True)
    layer = next(m for m in model.modules() if isinstance(m, MergedLora))
    seen = []
    base = layer.adapter.get_base_layer()
    base.weight_rounder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        layer(torch.randn(2, 5, layer.adapter.in_features))
    assert torch.equal(seen[0], base.weight + layer.adapter.get_delta_weight("accel"))


@pytest.fixture
def lengthened():
    """A rounded layer with an adapter that is far from zero and rows whose lengths were learned."""
    model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0, dora=True).eval()
    fake_quantize.prepare(model, Int8(Int8Rows()))
    merge_in_the_loop(model)
    layer = next(m for m in model.modules() if isinstance(m, MergedLora))
    length = layer.adapter.lora_magnitude_vector["accel"].weight
    torch.nn.init.normal_(layer.adapter.lora_B["accel"].weight)
    with torch.no_grad():
        length.copy_(torch.linspace(1, 2, len(length)))
    return layer, length


def test_rows_that_are_rounded_have_the_lengths_that_were_learned(lengthened):
    layer, length = lengthened
    seen = []
    base = layer.adapter.get_base_layer()
    base.weight_rounder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    layer(torch.randn(2, 5, layer.adapter.in_features))
    assert torch.allclose(seen[0].norm(dim=1), length, atol=1e-5)


def test_the_norm_of_a_row_is_a_constant_to_the_gradient(lengthened):
    """As DoRA's section 4.3 has it: through the norm a gradient would lose its part along the row."""
    layer, length = lengthened
    weight = torch.randn(layer.adapter.out_features, layer.adapter.in_features, requires_grad=True)
    layer._scaled(weight).sum().backward()
    assert torch.allclose(weight.grad, (length / weight.norm(dim=1)).unsqueeze(1).expand_as(weight))
