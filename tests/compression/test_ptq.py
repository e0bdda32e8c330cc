import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.weights.meta import is_quantized
from tests.laws import Laws

LAWS = Laws(
    strong={
        "": (),
        "int4": ["compression.ptq.scheme=int4_weight_only", "compression.ptq.embedding_bits=4"],
        "with layers in full precision": ["compression.ptq.full_precision=0.2"],
    },
    agrees_within=5e-4,
    sabotage=("accel.compression.ptq.Ptq.callbacks", lambda self, facts: []),
)


def test_training_does_not_know_of_it(train):
    _, plain, _ = train("trainer.max_steps=6")
    fitted, losses, _ = train("trainer.max_steps=6", "compression=[ptq]")
    assert losses == plain
    assert fitted.evidence["ptq"] == {
        "quantized_layers": 16,
        "active_fake_quantizers": 29,
        "full_precision_layers": {"classifier": "2 outputs, fewer than 16"},
    }


def test_an_adapter_is_merged_first_and_is_no_layer_of_its_own(train):
    fitted, _, _ = train("trainer.max_steps=6", "compression=[ptq]", "tuning=lora")
    assert fitted.evidence["ptq"]["quantized_layers"] == 16


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["tuning=lora"], ["model=tiny_gpt2", "tuning=lora"], ["privacy=dpsgd"]])
def test_what_is_exported_is_int8_and_predicts(tiny_run, tmp_path, words):
    assert main([*tiny_run, "compression=[ptq]", *words]) == 0
    assert is_quantized(tmp_path / "run" / "model")


def test_one_rounding_is_enough():
    with pytest.raises(PlanError, match="both end in the same quantized layers"):
        decide(compose(["compression=[ptq,qat]"]))
