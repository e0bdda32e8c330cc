import pytest

from accel.compose import compose
from accel.errors import NoEffectError, PlanError
from accel.plan import decide


def test_objects_to_a_beginning_after_the_end():
    with pytest.raises(PlanError, match="a share of training"):
        decide(compose(["compression=[qat]", "compression.qat.begin=1"]))


def test_counts_what_it_quantized(train):
    fitted, _, _ = train("compression=[qat]", "trainer.max_steps=4")
    assert fitted.evidence["qat"] == {
        "quantized_layers": 16,
        "active_fake_quantizers": 29,
        "full_precision_layers": {"classifier": "2 outputs, fewer than 16"},
    }


def test_embeddings_can_be_left_alone(train):
    fitted, _, _ = train("compression=[qat]", "compression.qat.embeddings=false", "trainer.max_steps=4")
    assert fitted.evidence["qat"]["quantized_layers"] == 13


def test_nothing_to_quantize_is_an_error(train, monkeypatch):
    monkeypatch.setattr("accel.ops.rounding.prepare", lambda model, scheme: 0)
    with pytest.raises(NoEffectError, match="no linear layer"):
        train("compression=[qat]")
