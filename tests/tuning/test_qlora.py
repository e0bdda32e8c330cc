import pytest
import torch

from accel.config.compose import compose
from accel.errors import PlanError
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.plan.decide import decide
from accel.tuning.qlora import Qlora
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.quantize.nf4.narrow", lambda model: model))
IDS = torch.full((2, 9), 7)
LABELS = Classification(["a", "b"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["compression=[qat]"], "only made at the\n?\\s*end"),
        (["strategy=tensor_parallel"], "needs the whole"),
        (["trainer.compile=true"], "four-bit tensors"),
        (["trainer.precision=fp64"], "double precision"),
    ],
)
def test_what_needs_plain_weights_while_it_trains_is_refused(words, why):
    with pytest.raises(PlanError, match=why):
        decide(compose(["tuning=qlora", *words]))


def test_the_record_says_what_the_body_takes(train):
    fitted, _, _ = train("tuning=qlora", "trainer.max_steps=4")
    found = fitted.evidence["qlora"]
    assert found["four_bit_layers"] == found["adapters"] == found["adapters_moved"] == 13
    assert found["four_bit_bytes"] < 0.16 * found["bytes_in_fp32"]
    assert 0.05 < found["rounding_error"] < 0.12
    assert found["trainable_share"] < 0.2


def test_adapters_that_take_the_largest_values_leave_less_to_rounding():
    def lost(pissa):
        model = TinyBert().network(LABELS)
        layer = model.bert.encoder.layer[0].output.dense
        layer.weight.data += torch.outer(
            torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 256)
        )  # large in one direction
        before = layer.weight.detach().clone()
        own = Qlora(rank=4, pissa=pissa).adapt_model(model, None).bert.encoder.layer[0].output.dense
        return (own.base_layer.dense() + own.get_delta_weight("accel") - before).norm()

    assert 0 < lost(pissa=True) < 0.5 * lost(pissa=False)


def test_what_is_merged_is_the_rounded_weight_and_the_adapter():
    model = Qlora(rank=4).adapt_model(TinyBert().network(LABELS), None).eval()
    own = model.bert.encoder.layer[0].attention.self.query
    torch.nn.init.normal_(own.lora_B["accel"].weight)
    expected = own.base_layer.dense() + own.get_delta_weight("accel")
    before = model(input_ids=IDS).logits
    merged = Qlora(rank=4).export(model)
    assert type(merged.bert.encoder.layer[0].attention.self.query) is torch.nn.Linear
    assert torch.equal(merged.bert.encoder.layer[0].attention.self.query.weight, expected)
    assert torch.allclose(merged(input_ids=IDS).logits, before, atol=1e-5)
