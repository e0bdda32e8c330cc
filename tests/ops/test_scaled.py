import copy

import pytest
import torch
from torch import nn

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.ops.scaled import Scaled, add_factors, furthest_factors, merge_factors

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3


def scaled(model_class):
    torch.manual_seed(0)
    model = add_factors(model_class().network(Classification(["a", "b"]))).eval()
    for layer in model.modules():
        if isinstance(layer, Scaled):
            nn.init.uniform_(layer.factor, -1, 2)
    return model


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_what_is_rounded_is_the_merged_weight(model_class):
    """Biases differ from zero, or half of what is merged would go unseen."""
    model = scaled(model_class)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    with torch.no_grad():
        trained = model(input_ids=IDS).logits
        merged = merge_factors(copy.deepcopy(model))(input_ids=IDS).logits
        assert (merged - trained).abs().max() < 1e-5 * trained.abs().max().clamp_min(1)
        fake_quantize.prepare(model, Int8(Int8Rows()))
        rounded = model(input_ids=IDS).logits
        assert torch.allclose(merge_factors(model)(input_ids=IDS).logits, rounded, atol=1e-5)


def test_queries_have_no_factors():
    gpt2 = add_factors(TinyGpt2().network(Classification(["a", "b"])))
    fused = gpt2.transformer.h[0].attn.c_attn
    assert fused.rows.shape == (192,)
    assert len(fused.factor) == 128
    with torch.no_grad():
        fused.factor.fill_(2)
    assert torch.equal(fused.rows, torch.cat([torch.ones(64), torch.full((128,), 2.0)]))
    bert = add_factors(TinyBert().network(Classification(["a", "b"])))
    names = [name.removeprefix("bert.encoder.layer.0.") for name in furthest_factors(bert) if ".0." in name]
    assert names == ["attention.self.key", "attention.self.value", "output.dense"]
    assert {n for n, p in bert.named_parameters() if p.requires_grad and "classifier" not in n} == {
        f"{name}.factor" for name in furthest_factors(bert)
    }
