from accel.ops import rounding


def spared(model):
    return {name for name, why in rounding.full_precision_layers(model).items() if why.startswith("spared")}


def test_a_resumed_run_keeps_to_the_choice(train, monkeypatch):
    """Measured again later, with other weights, it could choose others; so it is not measured again."""
    words = ["compression=[qat]", "compression.qat.spare=0.3", "compression.qat.scheme=int4_weight_only"]
    words += ["trainer.max_steps=12", "trainer.checkpoint_every_steps=8"]
    whole, _, folder = train(*words)
    assert spared(whole.model)
    monkeypatch.setattr("accel.callbacks.spare_layers.divergences", lambda *_: 1 / 0)
    resumed, _, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert spared(resumed.model) == spared(whole.model)


def test_nothing_is_measured_where_nothing_is_spared(train, monkeypatch):
    monkeypatch.setattr("accel.callbacks.spare_layers.divergences", lambda *_: 1 / 0)
    fitted, _, _ = train("compression=[qat]", "trainer.max_steps=4")
    assert not spared(fitted.model)
