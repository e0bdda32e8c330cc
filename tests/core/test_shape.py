import pytest

from accel.core.shape import Shape
from accel.errors import DataError
from accel.model.minilm import Minilm
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification


@pytest.mark.parametrize("option", [TinyBert, TinyGpt2, TinyLlama, TinyT5, Minilm])
def test_counts_the_parameters_that_the_real_model_has(option):
    model = option().network(Classification(["a", "b"]))
    real = sum(p.numel() for p in model.parameters() if p.ndim > 1)
    heads = sum(
        p.numel()
        for n, p in model.named_parameters()
        if p.ndim > 1 and n.startswith(("classif", "score", "bert.pooler"))
    )
    small = sum(p.numel() for n, p in model.named_parameters() if "token_type" in n or "relative_attention" in n)
    assert option().shape().num_parameters == real - heads - small


def test_grouped_queries_and_adapters_are_counted_edge_by_edge():
    shape = Shape(
        num_layers=2, width=8, num_heads=4, num_kv_heads=2, head_dim=2, feed_forward=16, gated=True, vocabulary=10
    )
    assert shape.attention_weights == 8 * 8 + 2 * 8 * 4 + 8 * 8
    assert shape.linear_edges == 2 * ((8 + 8) + 2 * (8 + 4) + (8 + 8) + 3 * (8 + 16))


def test_an_adapter_has_the_share_that_is_forecast():
    from accel.ops.adapters import add_lora
    from accel.tuning.lora import Lora

    model = add_lora(TinyLlama().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0.0)
    real = sum(p.numel() for n, p in model.named_parameters() if "lora_" in n)
    shape = TinyLlama().shape()
    assert Lora(rank=4).trained_share(shape) * shape.num_parameters == pytest.approx(real)


def test_a_configuration_that_does_not_say_is_named():
    with pytest.raises(DataError, match="my/config.json does not say num layers .one of num_hidden_layers"):
        Shape.from_config({"hidden_size": 8}, "my/config.json")


def test_activations_are_those_that_autograd_keeps():
    """Numbers saved for the backward pass of one layer, counted where autograd stores them; masks of dropout aside."""
    import torch

    width, tokens = 64, 32
    layer_counts = []
    for layers in (1, 2):
        model = TinyLlama(width=width, num_layers=layers).network(Classification(["a", "b"]))
        parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
        seen = {}

        def pack(x, seen=seen, parameters=parameters):
            if x.untyped_storage().data_ptr() not in parameters and x.is_floating_point():
                seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes() // 4
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            ids = torch.randint(5, 200, (1, tokens))
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.sum()
        layer_counts.append(sum(seen.values()))
        del out
    per_token = (layer_counts[1] - layer_counts[0]) / tokens
    forecast = TinyLlama(width=width).shape().activations_per_token()
    assert per_token == pytest.approx(forecast, rel=0.25)
