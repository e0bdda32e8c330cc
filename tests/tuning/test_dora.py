import pytest
import torch
from peft.tuners.lora import LoraLayer

from accel.config.compose import compose
from accel.errors import PlanError
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.adapters import merge
from accel.plan.decide import decide
from accel.tuning.dora import Dora
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.adapters.inject_adapter_in_model", lambda config, model, adapter_name: model))


def test_every_merged_row_has_the_length_that_was_learned():
    model = Dora(rank=4).adapt_model(TinyBert().network(Classification(["a", "b"])), None)
    first = next(layer for layer in model.modules() if isinstance(layer, LoraLayer))
    torch.nn.init.normal_(first.lora_B["accel"].weight)
    lengths = first.lora_magnitude_vector["accel"].weight
    assert lengths.requires_grad
    with torch.no_grad():
        lengths.copy_(torch.linspace(1, 2, len(lengths)))
    merge(model)
    found = model.bert.encoder.layer[0].attention.self.query.weight.norm(dim=1)
    assert torch.allclose(found, torch.linspace(1, 2, len(lengths)), atol=1e-5)


@pytest.mark.parametrize(
    ("word", "why"), [("privacy=dpsgd", "per-example gradients"), ("strategy=tensor_parallel", "needs the whole")]
)
def test_what_needs_each_record_or_each_row_is_refused(word, why):
    with pytest.raises(PlanError, match=why):
        decide(compose(["tuning=dora", word]))
