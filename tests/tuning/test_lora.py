from types import SimpleNamespace

import pytest
import torch
from peft.tuners.lora import LoraLayer

from accel.config.compose import compose
from accel.errors import PlanError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.adapters import adapter_norms, merge
from accel.plan.decide import decide
from accel.trainer.standard import Standard
from accel.tuning.lora import Lora, Targets, Train
from tests.laws import Laws

LAWS = Laws(
    sabotage=("accel.ops.adapters.inject_adapter_in_model", lambda config, model, adapter_name: model),
    strong={"": (), "of every kind": ["tuning.rslora=true", "tuning.pissa=true", "tuning.plus=16", "tuning.train=b"]},
)


@pytest.mark.parametrize(
    ("word", "text"),
    [("rank=0", "at least 1"), ("alpha=0", "positive"), ("dropout=1", r"in \[0, 1\)"), ("plus=0", "positive")],
)
def test_objects_to_settings_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["tuning=lora", f"tuning.{word}"]))


def test_every_adapter_moves_and_the_body_does_not(train):
    fitted, _, _ = train("tuning=lora", "trainer.max_steps=6")
    found = fitted.evidence["lora"]
    assert found["adapters"] == found["adapters_moved"] == 13
    assert found["trainable_share"] < 0.2


@pytest.mark.parametrize(("rank", "alpha"), [(4, 16.0), (4, 2.0), (16, 16.0)])
def test_an_adapter_is_scaled_by_alpha_over_rank(rank, alpha):
    model = Lora(rank=rank, alpha=alpha, dropout=0.25).adapt_model(TinyBert().network(Classification(["a", "b"])), None)
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    first = layers[0]
    torch.nn.init.ones_(first.lora_B["accel"].weight)
    down, up = first.lora_A["accel"].weight, first.lora_B["accel"].weight
    assert down.shape[0] == rank
    assert torch.allclose(first.get_delta_weight("accel"), alpha / rank * up @ down)
    before = first.get_base_layer().weight.detach().clone()
    merge(model)
    assert torch.allclose(model.bert.encoder.layer[0].attention.self.query.weight - before, alpha / rank * up @ down)
    assert {layer.lora_dropout["accel"].p for layer in layers} == {0.25}


def adapted(**settings):
    return Lora(**settings).adapt_model(TinyBert().network(Classification(["a", "b"])), None)


def test_rslora_is_scaled_by_the_root_of_the_rank():
    layer = next(layer for layer in adapted(rank=4, alpha=8.0, rslora=True).modules() if isinstance(layer, LoraLayer))
    assert layer.scaling["accel"] == 8 / 4**0.5


def test_pissa_begins_with_the_largest_singular_values_and_changes_nothing():
    plain = TinyBert().network(Classification(["a", "b"])).bert.encoder.layer[0].attention.self.query.weight
    layer = next(layer for layer in adapted(rank=4, pissa=True).modules() if isinstance(layer, LoraLayer))
    delta, rest = layer.get_delta_weight("accel"), layer.get_base_layer().weight
    assert torch.allclose(delta + rest, plain, atol=1e-6)
    assert torch.allclose(torch.linalg.svdvals(delta)[:4], torch.linalg.svdvals(plain)[:4], rtol=1e-4)
    assert set(adapter_norms(adapted(pissa=True)).values()) == {0.0}


def test_plus_lets_the_second_matrix_learn_faster():
    model = adapted()
    for plus, expected in ((1.0, 1e-4), (16.0, 16e-4)):
        settings = Lora(plus=plus)
        optimizer = settings.adapt_optimizer(Standard().optimizer(model), model, None)
        second = {id(p) for n, p in model.named_parameters() if "lora_B" in n}
        rates = {g["lr"] for g in optimizer.param_groups for p in g["params"] if id(p) in second}
        assert list(rates) == pytest.approx([expected])
        assert {g["lr"] for g in optimizer.param_groups for p in g["params"] if id(p) not in second} == {1e-4}


def test_the_first_matrix_stays_where_the_second_alone_learns():
    learning = {n for n, p in adapted(train=Train.b).named_parameters() if p.requires_grad}
    assert any("lora_B" in name for name in learning)
    assert not any("lora_A" in name for name in learning)


@pytest.mark.parametrize(
    ("model_class", "count", "names"),
    [(TinyBert, 4, ("query", "value")), (TinyGpt2, 2, ("c_attn",)), (TinyT5, 12, (".q", ".v"))],
)
def test_attention_alone_means_queries_and_values(model_class, count, names):
    model = Lora(targets=Targets.attention).adapt_model(model_class().network(Classification(["a", "b"])), None)
    found = [name for name, layer in model.named_modules() if isinstance(layer, LoraLayer)]
    assert len(found) == count
    assert all(name.endswith(names) for name in found)
    body = getattr(model, model.base_model_prefix)
    trained = sum(p.numel() for p in body.parameters() if p.requires_grad)
    shape = model_class().shape()
    assert Lora(targets=Targets.attention).trained_share(shape) * shape.num_parameters == pytest.approx(
        trained, rel=0.5
    )


def test_attention_of_an_unknown_family_is_refused():
    plan = decide(compose(["tuning=lora"]))
    unknown = SimpleNamespace(model=SimpleNamespace(family=lambda: "unheard of"), trainer=plan.trainer)
    assert [o.instead for o in Lora(targets=Targets.attention).objections(unknown)] == ["tuning.targets=all"]
    assert not list(Lora().objections(unknown))
