import pytest

from accel.callbacks.after_step import AfterStep
from accel.callbacks.mask_units import MaskUnits


@pytest.mark.parametrize("accumulate", [1, 3])
def test_once_per_step_however_many_batches_make_one(train, monkeypatch, accumulate):
    steps = []
    original = MaskUnits.after_step
    monkeypatch.setattr(MaskUnits, "after_step", lambda self, m, step: steps.append(step) or original(self, m, step))
    train("compression=[prune]", "trainer.max_steps=4", f"trainer.accumulate={accumulate}")
    assert steps == [1, 2, 3, 4]


@pytest.mark.fault("R11")
def test_a_resumed_run_does_not_repeat_its_last_step():
    class Trainer:
        global_step = 7

    class Noting(AfterStep):
        def after_step(self, model, step):
            raise AssertionError(step)

    callback, module = Noting(), type("Module", (), {"model": None})()
    callback.on_train_start(Trainer(), module)
    callback.on_train_batch_end(Trainer(), module, None, None, 0)
