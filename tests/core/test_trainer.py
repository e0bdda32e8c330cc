from accel.core.trainer import Trainer


class Mine(Trainer):
    """As little as a trainer may say."""

    trainer_args = optimizer = clip_gradients = schedule = lambda self, *args: None


def test_by_default_baselines_are_trained_as_the_run_is():
    mine, model = Mine(), object()
    assert mine.for_baseline() is mine.for_public_task() is mine
    assert (mine.accumulate, mine.keeps_double) == (1, False)
    assert mine.adapt_model(model) is mine.release(model) is model
