import pytest

from accel.cli import main
from accel.errors import RefusedError
from accel.tracker.tensorboard import Tensorboard


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    Tensorboard().check()
    monkeypatch.setattr("accel.tracker.tensorboard.find_spec", lambda name: None)
    with pytest.raises(RefusedError, match=r"accel\[tensorboard\]"):
        Tensorboard().check()


def test_a_run_leaves_event_files(tiny_run, tmp_path):
    words = [w for w in tiny_run if w != "tracker=none"]
    assert main([*words, "tracker=tensorboard", "trainer.max_steps=2"]) == 0
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))
