from accel.ops.quantize.nf4 import Nf4Linear


def test_a_body_in_four_bits_is_rounded_to_int8_when_training_is_over(train):
    """Negative control beside it: without another rounding the body stays as it was trained, until it is exported."""
    fitted, _, _ = train("tuning=qlora", "compression=[ptq]", "trainer.max_steps=2")
    assert fitted.evidence["ptq"]["quantized_layers"] > fitted.evidence["qlora"]["four_bit_layers"] == 13
    assert not any(isinstance(m, Nf4Linear) for m in fitted.model.modules())
    alone, _, _ = train("tuning=qlora", "trainer.max_steps=2")
    assert sum(isinstance(m, Nf4Linear) for m in alone.model.modules()) == 13
