import copy

import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.structured.layer_dropping import drop_layers, evenly, figures, lowest
from accel.ops.structured.structure import find_stacks

MODELS = {"bert": TinyBert, "gpt2": TinyGpt2, "t5": TinyT5, "llama": TinyLlama}


@pytest.mark.parametrize(
    ("total", "count", "kept"),
    [(6, 3, [0, 2, 5]), (12, 6, [0, 2, 4, 7, 9, 11]), (2, 1, [0]), (4, 4, [0, 1, 2, 3]), (3, 2, [0, 2])],
)
def test_evenly_has_both_ends(total, count, kept):
    assert evenly(total, count) == kept


def test_lowest():
    assert lowest(6, 2) == [0, 1]


def logits(model):
    ids = torch.randint(5, 250, (3, 17), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 3
    with torch.inference_mode():
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.mark.parametrize("name", MODELS)
def test_what_is_left_computes_what_skipping_the_layer_computes(name):
    """The control: a layer that hands its input on is a layer that is not there."""
    model = MODELS[name]().network(Classification(["a", "b"]))
    skipped = copy.deepcopy(model)
    for stack in find_stacks(skipped):
        layer = stack.layers[1]
        plain = type(layer).forward

        def hand_on(hidden, *args, layer=layer, plain=plain, **kwargs):
            found = plain(layer, hidden, *args, **kwargs)
            return (hidden, *found[1:]) if isinstance(found, tuple) else hidden

        layer.forward = hand_on
    before = logits(model)
    drop_layers(model, 0.5, "evenly")
    assert (logits(model) - logits(skipped)).abs().max() < 1e-6
    assert (logits(model) - before).abs().max() > 1e-5
    assert figures(model)["removed_layers"] == [1] * len(find_stacks(model))


@pytest.mark.parametrize("name", MODELS)
def test_the_configuration_builds_the_short_model(name):
    from transformers import AutoModelForSequenceClassification

    model = MODELS[name]().network(Classification(["a", "b"]))
    drop_layers(model, 0.5, "lowest")
    rebuilt = AutoModelForSequenceClassification.from_config(model.config)
    assert [len(stack.layers) for stack in find_stacks(rebuilt)] == [1] * len(find_stacks(model))


def test_all_of_them_is_none_gone():
    model = TinyBert().network(Classification(["a", "b"]))
    before = logits(copy.deepcopy(model))
    drop_layers(model, 1.0, "evenly")
    assert torch.equal(logits(model), before)
    assert figures(model) == {"layers": [2], "removed_layers": []}


def test_layers_are_renumbered():
    model = TinyGpt2().network(Classification(["a", "b"]))
    (stack,) = find_stacks(model)
    from accel.ops.structured.structure import keep_layers

    keep_layers(model, stack, [1])
    assert stack.layers[0].attn.layer_idx == 0
    assert model.config.n_layer == model.config.num_hidden_layers == 1
