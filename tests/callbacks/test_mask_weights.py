import pytest

from accel.callbacks.mask_weights import MaskWeights
from accel.compression.mask import Mask


def test_begins_and_ends_as_shares_of_training():
    masking = MaskWeights(Mask(begin=0.2, end=0.8), 50)
    assert (masking.ramp.begin_step, masking.ramp.end_step) == (10, 40)


def test_a_mask_that_is_chosen_and_not_held_fails_the_run(train, monkeypatch):
    """Negative control: what holds the zeros is the zeroing after each step, and the proof looks for it."""
    monkeypatch.setattr("accel.ops.sparse.weight_masks.apply", lambda model: None)
    with pytest.raises(RuntimeError, match="masked weights are not zero"):
        train("compression=[mask]", "compression.mask.every_steps=1", "trainer.max_steps=12")
