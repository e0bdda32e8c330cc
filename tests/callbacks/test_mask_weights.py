from types import SimpleNamespace

import pytest

from accel.compression.mask import Importance, Mask


def facts(total_steps):
    return SimpleNamespace(total_steps=total_steps)


def test_begins_and_ends_as_shares_of_training():
    (masking,) = Mask(begin=0.2, end=0.8).callbacks(facts(50))
    assert (masking.ramp.begin_step, masking.ramp.end_step) == (10, 40)


def test_a_mask_that_is_chosen_and_not_held_fails_the_run(train, monkeypatch):
    """Negative control: what holds the zeros is the zeroing after each step, and the proof looks for it."""
    monkeypatch.setattr("accel.ops.sparse.weight_masks.apply", lambda model: None)
    with pytest.raises(RuntimeError, match="masked weights are not zero"):
        train("compression=[mask]", "compression.mask.every_steps=1", "trainer.max_steps=12")


@pytest.mark.parametrize("text", [None, "public.txt"])
def test_inputs_are_taken_on_the_public_text_where_there_is_one(monkeypatch, text):
    asked = []
    monkeypatch.setattr("accel.data.calibration.calibration_batches", lambda *told: asked.append(told))
    monkeypatch.setattr("accel.ops.sparse.weight_scores.scorer_for", lambda score, batches: batches())
    trainer = SimpleNamespace(datamodule=SimpleNamespace(data="examples"))
    (masking,) = Mask(score=Importance.wanda, public_text=text).callbacks(facts(10))
    masking.on_fit_start(trainer, None)
    assert asked == [("examples", text, "compression.mask.public_text")]
