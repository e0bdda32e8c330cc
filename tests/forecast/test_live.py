import subprocess
import sys

import pytest

from accel.cli import main


def test_one_process_exchanges_nothing(capsys):
    assert main(["check", "--forecast=here", "model=tiny_bert", "strategy=single"]) == 2
    assert "Add strategy=ddp or strategy=fsdp" in capsys.readouterr().err


def test_what_cannot_be_forecast_is_told_before_processes_are_started(monkeypatch, capsys):
    monkeypatch.setattr("accel.process.launch.launch", lambda *_: 1 / 0)
    words = ["strategy=tensor_parallel", "strategy.processes=4", "strategy.data_parallel=2"]
    assert main(["check", "--forecast=here", "model=tiny_bert", *words]) == 2
    assert "the forecast knows meshes of one dimension" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_measure_and_one_of_them_prints(tiny_csv, tmp_path):
    words = ["task=text_classification", f"task.train={tiny_csv}", "model=tiny_bert", "strategy=fsdp"]
    command = [sys.executable, "-m", "accel", "check", "--forecast=here", *words, f"cache={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("One optimizer step under strategy=fsdp") == 1
    assert "measured on 2 processes" in " ".join(done.stdout.split())
    assert not (tmp_path / "outputs").exists()
