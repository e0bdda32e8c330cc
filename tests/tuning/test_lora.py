import pytest
import torch
from peft.tuners.lora import LoraLayer

from accel.config.compose import compose
from accel.errors import PlanError
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.adapters import merge
from accel.plan.decide import decide
from accel.tuning.lora import Lora
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.adapters.inject_adapter_in_model", lambda config, model, adapter_name: model))


@pytest.mark.parametrize(
    ("word", "text"), [("rank=0", "at least 1"), ("alpha=0", "positive"), ("dropout=1", r"in \[0, 1\)")]
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
