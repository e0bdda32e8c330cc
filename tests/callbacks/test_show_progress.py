from types import SimpleNamespace

from accel.callbacks.show_progress import ShowProgress
from accel.core.console import Console
from accel.core.metric import ACCURACY, QUALITY


def test_says_where_training_stands(tmp_path):
    console = Console(tmp_path)
    callback = ShowProgress(console, "train", total_steps=40, quality=ACCURACY)
    trainer = SimpleNamespace(global_step=0, callback_metrics={"train/loss": 0.5, QUALITY: 0.75})
    callback.on_train_start(trainer, None)
    for step in range(1, 41):
        trainer.global_step = step
        callback.on_train_batch_end(trainer, None, None, None, 0)
    callback.teardown(trainer, None, "fit")
    console.close()
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert lines[-1].split() == ["train", "40/40", "loss", "0.500", "validation", "accuracy", "0.750"]
    assert lines[0].split()[:2] == ["train", "1/40"], "whoever waits is told at once how long"
    assert lines[0].endswith("to go")
    assert len(lines) == 5


def test_a_split_that_says_nothing_is_not_told(tmp_path):
    console = Console(tmp_path)
    callback = ShowProgress(console, "train", total_steps=1, quality=None)
    trainer = SimpleNamespace(global_step=0, callback_metrics={"train/loss": 0.5, QUALITY: 1.0})
    callback.on_train_start(trainer, None)
    trainer.global_step = 1
    callback.on_train_batch_end(trainer, None, None, None, 0)
    callback.teardown(trainer, None, "fit")
    console.close()
    assert "validation" not in (tmp_path / "log.txt").read_text()
