import copy

import pytest
import torch
from torch import nn

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize, kernels
from accel.ops.quantize.grids import Int4Groups, Int8Rows
from accel.ops.quantize.quantized_layers import quantized
from accel.ops.quantize.schemes import SCHEMES, Fp8, Int4WeightOnly, Int8, Int8WeightOnly
from accel.ops.structured.structure import KEEP, find_blocks, mask_units, position_tables, remove_units

ALL = {
    "int8": Int8(Int8Rows()),
    "int8_weight_only": Int8WeightOnly(Int8Rows()),
    "int4_weight_only": Int4WeightOnly(Int8Rows()),
    "int4_weight_only with int4 tables": Int4WeightOnly(Int4Groups(64), group_size=64),
    "int4_weight_only asymmetric": Int4WeightOnly(Int4Groups(32, symmetric=False), group_size=128, symmetric=False),
    "fp8": Fp8(Int8Rows()),
}
TOLERANCE = {"int8": 1e-5, "fp8": 0.0}
"""Largest relative difference of a layer: int8 sums whole numbers and scales them afterwards; others compute the same."""


def inputs():
    ids = torch.randint(5, 200, (4, 20), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 3
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def prepared(model_class=TinyBert, scheme=ALL["int8"]):
    model = model_class().network(Classification(["a", "b"])).eval()
    fake_quantize.prepare(model, scheme)
    return model


def test_every_scheme_is_here():
    assert {scheme.name for scheme in ALL.values()} == set(SCHEMES)


@pytest.mark.fault("N6")
@pytest.mark.parametrize("scheme", ALL.values(), ids=ALL)
@pytest.mark.parametrize("shape", [(8, 32), (64, 384), (17, 33)])
def test_one_layer_converts_to_what_was_trained(shape, scheme):
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(shape[1], shape[0] + 16))
    x = torch.randn(5, 7, shape[1])
    fake_quantize.prepare(layer, scheme)
    with torch.no_grad():
        expected = layer(x)
        found = fake_quantize.convert(copy.deepcopy(layer))(x)
        plain = layer[0].plain()(x)
    assert (expected - found).abs().max() <= TOLERANCE.get(scheme.name, 1e-6) * expected.abs().max() + 1e-6
    assert (expected - plain).abs().max() > 1e-3 * expected.abs().max()


@pytest.mark.parametrize("scheme", ALL.values(), ids=ALL)
def test_few_rows_are_the_same_up_to_bf16(scheme):
    """The packed kernels' stated arithmetic: activations and group scales in bf16."""
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(256, 64)).eval()
    fake_quantize.prepare(layer, scheme)
    x = torch.randn(3, 256)
    with torch.no_grad():
        expected, found = layer(x), fake_quantize.convert(copy.deepcopy(layer))(x)
    assert (expected - found).abs().max() <= 0.02 * expected.abs().max()


@pytest.mark.parametrize("name", ["int8", "int4_weight_only"])
def test_a_changed_scale_breaks_the_equality(name):
    """Negative control of the tests above."""
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(64, 64))
    x = torch.randn(40, 64)
    fake_quantize.prepare(layer, ALL[name])
    with torch.no_grad():
        expected = layer(x)
        broken = fake_quantize.convert(layer)
        broken[0].weight_scale.mul_(1.05)
        assert (expected - broken(x)).abs().max() > 0.02 * expected.abs().max()


@pytest.mark.parametrize("scheme", ALL.values(), ids=ALL)
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_every_architecture_is_quantized_whole(model_class, scheme):
    """GPT-2's Conv1D is never skipped in silence; a rounding tie may flip one step of a grid in a deep model."""
    model = prepared(model_class, scheme)
    linears = [
        m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features >= fake_quantize.MIN_OUT_FEATURES
    ]
    assert len(linears) >= 8
    assert len(list(fake_quantize.rounded_layers(model))) >= len(linears)
    with torch.no_grad():
        expected = model(**inputs()).logits
        converted = fake_quantize.convert(copy.deepcopy(model))
        found = converted(**inputs()).logits
    assert len(quantized(converted)) >= len(linears)
    assert (expected - found).abs().max() < 0.02 * expected.abs().max().clamp_min(1)


def test_a_conv1d_that_nobody_made_a_linear_layer_is_named_not_skipped():
    """Negative control: without ``linearize``, GPT-2 has one linear layer to round, and the others are told."""
    from transformers import GPT2ForSequenceClassification

    raw = GPT2ForSequenceClassification(TinyGpt2().config())
    with pytest.raises(RuntimeError, match=r"Conv1D.*transformer\.h\.0\.attn\.c_attn"):
        fake_quantize.prepare(raw, ALL["int8"])
    assert not [n for n, _ in fake_quantize.full_precision_layers(prepared(TinyGpt2)).items() if ".h." in n]


def test_prepare_is_idempotent_and_keeps_the_parameters():
    model = TinyBert().network(Classification(["a", "b"]))
    before = {id(p) for p in model.parameters()}
    first = fake_quantize.prepare(model, ALL["int8"])
    assert fake_quantize.prepare(model, ALL["int8"]) == first > 0
    assert {id(p) for p in model.parameters()} == before


def test_switched_off_it_is_the_plain_model():
    plain = TinyBert().network(Classification(["a", "b"])).eval()
    model = prepared()
    rounded = model(**inputs()).logits
    fake_quantize.enable(model, enabled=False)
    assert torch.equal(model(**inputs()).logits, plain(**inputs()).logits)
    assert not torch.equal(rounded, plain(**inputs()).logits)


def test_the_gradient_passes_straight_through():
    x = torch.randn(3, 8, requires_grad=True)
    fake_quantize.Rounder(Int8Rows())(x).backward(torch.full((3, 8), 2.0))
    assert torch.equal(x.grad, torch.full((3, 8), 2.0))


def test_groups_are_those_of_the_columns_that_stay(monkeypatch):
    """Removal moves columns into other groups; training must round as if it had happened already."""
    monkeypatch.setattr(kernels, "has_packed_int4", lambda group_size: False)  # it rounds the pooler's input to bf16
    model = prepared(scheme=ALL["int4_weight_only"])
    torch.manual_seed(0)
    for block in find_blocks(model):
        keep = torch.rand(block.num_units) > 0.4
        keep[0] = True
        model.get_submodule(block.output).register_buffer(KEEP, keep)
        mask_units(model, block, keep)
    with torch.no_grad():
        expected = model(**inputs()).logits
        small = copy.deepcopy(model)
        for block in find_blocks(small):
            output = small.get_submodule(block.output)
            remove_units(small, block, output.get_buffer(KEEP))
            delattr(output, KEEP)
        found = fake_quantize.convert(small)(**inputs()).logits
        for block in find_blocks(model):
            delattr(model.get_submodule(block.output), KEEP)
        ignorant = model(**inputs()).logits
    assert (expected - found).abs().max() < 1e-5
    assert (ignorant - found).abs().max() > 5e-5


@pytest.mark.parametrize("rounded", [False, True])
def test_heads_of_t5_may_go_after_rounding(rounded, monkeypatch):
    """Negative control: in a rounded table the scale of a row would change with its heads."""
    if rounded:
        monkeypatch.setattr(fake_quantize, "position_tables", lambda model: [])
    model = TinyT5().network(Classification(["a", "b"])).eval()
    for table in position_tables(model):
        torch.nn.init.normal_(table.weight, std=3)
    fake_quantize.prepare(model, Int8WeightOnly(Int4Groups(32)))
    for block in find_blocks(model):
        if block.layout.biased:
            keep = torch.arange(block.num_units) > 0
            model.get_submodule(block.output).register_buffer(KEEP, keep)
            mask_units(model, block, keep)
    with torch.no_grad():
        expected = model(**inputs()).logits
        for block in find_blocks(model):
            if block.layout.biased:
                keep = model.get_submodule(block.output)._buffers.pop(KEEP)
                remove_units(model, block, keep)
        found = fake_quantize.convert(model)(**inputs()).logits
    assert bool((expected - found).abs().max() > 1e-4) is rounded


def test_a_layer_can_stay_in_full_precision():
    model = prepared()
    name = "bert.encoder.layer.0.output.dense"
    layer = model.get_submodule(name)
    fake_quantize.keep_full_precision(model, {name: "rounding it is dear"})
    fake_quantize.enable(model, enabled=True)
    assert not layer.weight_rounder.enabled
    assert model.get_submodule("bert.encoder.layer.1.output.dense").weight_rounder.enabled
    assert fake_quantize.full_precision_layers(model)[name] == "kept: rounding it is dear"
    weight = layer.weight
    converted = fake_quantize.convert(model).get_submodule(name)
    assert type(converted) is nn.Linear
    assert converted.weight is weight


def test_what_has_no_packed_kernel_here_is_multiplied_in_fp32(monkeypatch):
    monkeypatch.setattr(kernels, "has_packed_int4", lambda group_size: False)
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(64, 64)).eval()
    fake_quantize.prepare(layer, ALL["int4_weight_only"])
    x = torch.randn(2, 64)
    with torch.no_grad():
        assert torch.equal(layer(x), fake_quantize.convert(copy.deepcopy(layer))(x))
