import copy

import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.ops import int8, int8_layers


def inputs():
    ids = torch.randint(5, 200, (4, 20), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 3
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def prepared(model_class=TinyBert):
    model = model_class().classifier(["a", "b"]).eval()
    int8.prepare(model, embeddings=True)
    return model


def test_a_layer_computes_what_its_weights_say():
    torch.manual_seed(0)
    weight, x = torch.randn(24, 64), torch.randn(3, 5, 64)
    layer = int8_layers.Int8Linear(*int8_layers.quantize_rows(weight), torch.randn(24))
    rows, scale = int8_layers.quantize_rows(x)
    expected = (rows.double() * scale) @ int8_layers.dequantized(layer).double().T + layer.bias
    assert (layer(x) - expected).abs().max() < 1e-5


def test_an_embedding_looks_up_its_rows():
    layer = int8_layers.Int8Embedding(*int8_layers.quantize_rows(torch.randn(30, 8)))
    assert torch.equal(layer(torch.tensor([[3, 4]]))[0, 0], int8_layers.dequantized(layer)[3])


def test_shared_layers_stay_shared():
    model = int8.convert(prepared(TinyT5))
    state, copies = model.state_dict(), {}
    state = {k: copies.setdefault((v.data_ptr(), v.shape), v.clone()) for k, v in state.items()}
    tables = [k for k in state if k.endswith(("shared.weight", "embed_tokens.weight"))]
    assert len(tables) == 3
    assert len({id(state[k]) for k in tables}) == 1
    fresh = TinyT5(weights_seed=7).classifier(["a", "b"]).eval()
    int8_layers.put_in_place(fresh, state)
    assert not any(isinstance(m, torch.nn.Embedding) and "shared" in n for n, m in fresh.named_modules())
    assert int8_layers.count_quantized(fresh) == int8_layers.count_quantized(model)


def test_state_survives_a_round_trip_bit_for_bit():
    model = int8.convert(prepared())
    state = {k: v.clone() for k, v in model.state_dict().items()}
    assert state["bert.encoder.layer.0.output.dense.weight"].dtype == torch.int8
    fresh = TinyBert(weights_seed=7).classifier(["a", "b"]).eval()
    int8_layers.put_in_place(fresh, state)
    assert fresh.load_state_dict(state).missing_keys == []
    with torch.no_grad():
        assert torch.equal(model(**inputs()).logits, fresh(**inputs()).logits)


def test_small_heads_stay_in_full_precision():
    assert not int8_layers.is_quantized(int8.convert(prepared()).classifier.weight)


def test_to_float_keeps_the_values():
    model = int8.convert(prepared())
    plain = int8_layers.to_float(copy.deepcopy(model))
    assert int8_layers.count_quantized(plain) == 0
    layer = "bert.encoder.layer.0.intermediate.dense"
    assert torch.equal(int8_layers.dequantized(model.get_submodule(layer)), plain.get_submodule(layer).weight)


def test_a_torch_without_the_kernel_is_told(monkeypatch):
    from accel.errors import RunError

    int8_layers.require_int8_kernel()

    def missing(*_):
        raise RuntimeError("no kernel")

    monkeypatch.setattr(torch, "_int_mm", missing)
    with pytest.raises(RunError, match="leave qat out"):
        int8_layers.require_int8_kernel()
