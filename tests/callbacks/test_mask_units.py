from accel.callbacks.mask_units import MaskUnits
from accel.compression.prune import Prune
from accel.core.facts import Facts
from accel.objective.classification import Classification


def facts(total_steps):
    return Facts(
        total_steps=total_steps,
        num_examples=1,
        objective=Classification(["a", "b"]),
        world_size=1,
        seed=0,
        baseline=None,
    )


def test_the_schedule_is_a_function_of_the_settings_alone():
    callback = MaskUnits(Prune(begin=0.25, end=0.5), facts(100))
    assert (callback.ramp.begin_step, callback.ramp.end_step) == (25, 50)


def test_masks_stay_zero_through_weight_decay_and_momentum(train):
    """figures() raises when a masked weight is not zero; AdamW moves every weight it can."""
    fitted, _, _ = train(
        "compression=[prune]", "compression.prune.end=0.3", "trainer.weight_decay=0.1", "trainer.max_steps=20"
    )
    assert fitted.evidence["prune"]["removed_fraction"] > 0.3
