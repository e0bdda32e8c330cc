""""""

from __future__ import annotations

from accel.tracker._tensorboard import tensorboard_hparams


def test_hparams_are_written(tmp_path):
    tensorboard_hparams(tmp_path, {"model": "x"}, {"after/accuracy": 0.5})
    assert list((tmp_path / "tensorboard").glob("events.*"))
