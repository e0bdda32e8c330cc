import pytest
import torch
from torch import nn

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.optimizer_groups import by_depth, faster


def test_some_parameters_learn_faster_and_the_schedule_keeps_the_ratio():
    slow, fast = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer = torch.optim.AdamW([*slow.parameters(), *fast.parameters()], lr=0.1, weight_decay=0.3)
    faster(optimizer, fast.parameters(), 16)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    optimizer.step()
    schedule.step()
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert [rates[id(slow.weight)], rates[id(fast.weight)]] == [0.05, 0.8]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.3}


PLACES = {
    TinyBert: {"bert.embeddings": 3, "bert.encoder.layer.0": 2, "bert.encoder.layer.1": 1, "bert.pooler": 0},
    TinyGpt2: {"transformer.wte": 3, "transformer.h.0": 2, "transformer.h.1": 1, "transformer.ln_f": 0, "score": 0},
    TinyT5: {
        "transformer.shared": 3, "transformer.encoder.block.0": 2, "transformer.encoder.block.1": 1,
        "transformer.decoder.block.0": 2, "transformer.decoder.final_layer_norm": 0, "classification_head": 0,
    },
    TinyLlama: {"model.embed_tokens": 3, "model.layers.0": 2, "model.layers.1": 1, "model.norm": 0, "score": 0},
}  # fmt: skip


@pytest.mark.parametrize("model_class", PLACES)
def test_parameters_know_how_far_they_are_from_the_top(model_class):
    model = model_class().network(Classification(["a", "b"]))
    parameters = dict(model.named_parameters())
    found = {id(p): depth for depth, group in by_depth(model, parameters, one=False).items() for p in group}
    assert len(found) == len(parameters)
    for place, depth in PLACES[model_class].items():
        own = [found[id(p)] for name, p in parameters.items() if name.startswith(f"{place}.")]
        assert set(own) == {depth}, place
    assert by_depth(model, parameters, one=True) == {0: list(parameters.values())}
