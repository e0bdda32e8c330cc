import copy

import pytest
import torch
from torch import nn

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int4Groups, Int8Rows, quantize_rows
from accel.ops.quantize.quantized_layers import (
    Int8Linear,
    QuantizedEmbedding,
    WeightOnlyLinear,
    multiplies_int8,
    put_in_place,
    quantized,
    to_float,
)
from accel.ops.quantize.schemes import Int4WeightOnly, Int8

INT8, INT4 = Int8(Int8Rows()), Int4WeightOnly(Int4Groups(32, symmetric=False), group_size=32, symmetric=False)


def inputs():
    ids = torch.randint(5, 200, (4, 20), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def converted(model_class=TinyBert, scheme=INT8):
    model = model_class().network(Classification(["a", "b"])).eval()
    fake_quantize.prepare(model, scheme)
    return fake_quantize.convert(model)


def test_an_int8_layer_computes_what_its_weights_say():
    torch.manual_seed(0)
    weight, x = torch.randn(24, 64), torch.randn(3, 5, 64)
    layer = Int8Linear(Int8Rows().quantize(weight), torch.randn(24), 64)
    rows, scale = quantize_rows(x)
    expected = (rows.double() * scale) @ layer.dequantized().double().T + layer.bias
    assert (layer(x) - expected).abs().max() < 1e-5


def test_a_packed_kernel_is_for_few_rows_in_inference():
    layer = WeightOnlyLinear(Int4Groups(32).quantize(torch.randn(32, 64)), None, 64)
    layer.train()(torch.randn(2, 64))
    layer.eval()(torch.randn(100, 64))
    assert layer.packed is None
    layer(torch.randn(2, 64))
    assert layer.packed is not None
    assert set(layer.state_dict()) == {"weight_int4", "weight_scale"}


@pytest.mark.parametrize("grid", [Int8Rows(), Int4Groups(32), Int4Groups(64, symmetric=False)])
def test_an_embedding_looks_up_its_rows(grid):
    layer = QuantizedEmbedding(grid.quantize(torch.randn(30, 40)), 40)
    assert torch.equal(layer(torch.tensor([[3, 4]]))[0, 0], layer.dequantized()[3])


@pytest.mark.parametrize("scheme", [INT8, INT4])
def test_shared_layers_stay_shared(scheme):
    model = converted(TinyT5, scheme)
    state, copies = model.state_dict(), {}
    state = {k: copies.setdefault((v.data_ptr(), v.shape), v.clone()) for k, v in state.items()}
    tables = [
        k
        for k in state
        if ("shared.weight" in k or "embed_tokens.weight" in k) and "scale" not in k and "zero" not in k
    ]
    assert len(tables) == 3
    assert len({id(state[k]) for k in tables}) == 1
    fresh = TinyT5(weights_seed=7).network(Classification(["a", "b"])).eval()
    put_in_place(fresh, state, scheme.layer)
    assert not any(isinstance(m, torch.nn.Embedding) and "shared" in n for n, m in fresh.named_modules())
    assert len([m for m in quantized(fresh) if isinstance(m, QuantizedEmbedding)]) <= len(quantized(model))


@pytest.mark.fault("N6")
@pytest.mark.parametrize("scheme", [INT8, INT4])
def test_state_survives_a_round_trip_bit_for_bit(scheme):
    model = converted(scheme=scheme)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    assert model.get_submodule("bert.encoder.layer.0.output.dense").steps.dtype in (torch.int8, torch.uint8)
    fresh = TinyBert(weights_seed=7).network(Classification(["a", "b"])).eval()
    put_in_place(fresh, state, scheme.layer)
    assert fresh.load_state_dict(state).missing_keys == []
    with torch.no_grad():
        assert torch.equal(model(**inputs()).logits, fresh(**inputs()).logits)


def test_small_heads_stay_in_full_precision():
    assert type(converted().classifier) is nn.Linear


@pytest.mark.parametrize("scheme", [INT8, INT4])
def test_to_float_keeps_the_values(scheme):
    model = converted(scheme=scheme)
    plain = to_float(copy.deepcopy(model))
    assert not quantized(plain)
    layer = "bert.encoder.layer.0.intermediate.dense"
    assert torch.equal(model.get_submodule(layer).dequantized(), plain.get_submodule(layer).weight)
    assert multiplies_int8(model) == (scheme is INT8)
    assert not multiplies_int8(plain)
