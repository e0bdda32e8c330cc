import sys

import pytest

from accel.config.hydra_main import _never, main


def test_prints_the_configuration_and_restores_the_command_line(capsys):
    before = sys.argv
    assert main(["--cfg", "job", "-p", "trainer"]) == 0
    assert "learning_rate: 0.0001" in capsys.readouterr().out
    assert sys.argv is before


def test_runs_no_job():
    with pytest.raises(AssertionError):
        _never({})
