import sys

import pytest

from accel.cli import main
from accel.errors import ConfigError
from accel.tracker.tensorboard import Tensorboard


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    Tensorboard().check()
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r"\[tensorboard\]"):
        Tensorboard().check()


def test_a_run_leaves_event_files(tiny_run, tmp_path):
    words = [w for w in tiny_run if w != "tracker=none"]
    assert main([*words, "tracker=tensorboard", "trainer.max_steps=2"]) == 0
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))
    found = hparams(tmp_path / "run" / "tensorboard")
    assert found["trainer.learning_rate"].number_value == 1e-3
    assert found["model"].string_value == "tiny_bert"


def hparams(folder):
    """The settings of the HParams tab."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    events = EventAccumulator(str(folder)).Reload()
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
