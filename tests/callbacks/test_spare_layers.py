import pytest

from accel.callbacks.spare_layers import NUM_EXAMPLES
from accel.compose import compose
from accel.data.calibration import calibration_batches
from accel.data.prepared import prepare
from accel.model.tiny_bert import TinyBert
from accel.objective import Classification
from accel.ops import rounding
from accel.plan import decide


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


def test_texts_of_every_length_are_measured_on(tiny_run, monkeypatch):
    """Negative control: batches are in order of length, so the first alone has the shortest."""
    monkeypatch.setattr("accel.data.calibration.BATCH_TOKENS", 256)
    plan = decide(compose([*tiny_run, "compression=[ptq]", "compression.ptq.spare=0.3"]))
    data = prepare(plan.task.load(0), plan)
    texts = list(calibration_batches(data, None, "key", NUM_EXAMPLES))
    lengths = [int(row.sum()) for batch in texts for row in batch["attention_mask"]]
    assert NUM_EXAMPLES / 2 < len(lengths) < 2 * NUM_EXAMPLES
    assert max(lengths) > 0.9 * max(map(len, data.train.input_ids))
    assert int(texts[0]["attention_mask"].sum(1).max()) < max(lengths)


@pytest.mark.parametrize("option", ["ptq", "qat"])
def test_layers_have_the_names_of_the_exported_model(train, option):
    """Not those inside of the adapters that are merged into them."""
    fitted, _, _ = train(f"compression=[{option}]", f"compression.{option}.spare=0.3", "tuning=lora")
    exported = TinyBert().network(Classification(["a", "b"]))
    assert spared(fitted.model)
    assert all(exported.get_submodule(name) for name in spared(fitted.model))
