import json
import sys
from pathlib import Path

import pytest

from accel.cli import main
from accel.sweep.entry import sort_words


def test_words_are_sorted_into_settings_and_jobs():
    settings, jobs = sort_words(["seed=1,2", "hydra.launcher.n_jobs=2", "sweep=ablation", "hydra/launcher=basic"])
    assert jobs == ["seed=1,2"]
    assert len(settings) == 3


def test_check_says_what_each_job_would_be(capsys):
    assert main(["check", "-m", "compression=[],[prune]", "tuning=full,lora"]) == 0
    out = capsys.readouterr().out
    assert "4 jobs: 3 work, 1 refused" in out
    assert main(["check", "-m", "compression=[prune]", "tuning=lora", "seed=0,1"]) == 2
    assert main(["check", "-m", "sweep=ablation"]) == 0


def test_a_sweep_runs_skips_and_records(tiny_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["accel", "-m"])
    words = [w for w in tiny_run if not w.startswith(("hydra.run", "trainer.max_steps"))]
    grid = ["compression=[],[prune]", "compression.prune.sparsity=0.5,7", "trainer.max_steps=2"]
    code = main(["-m", *words, *grid, f"hydra.sweep.dir={tmp_path / 'sweep'}"])
    assert code == 0, capsys.readouterr().out
    record = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert [j["status"] for j in record["jobs"]] == ["finished", "finished", "refused"]
    groups = {json.loads((tmp_path / "sweep" / str(i) / "result.json").read_text())["group"] for i in (0, 1)}
    assert groups == {"sweep"}
    assert Path(tmp_path / "sweep" / "1" / "report.html").is_file()


def test_resume_of_something_else_is_refused(tmp_path, capsys):
    assert main(["-m", "seed=0,1", f"sweep.resume={tmp_path}"]) == 2
    assert "is no folder of a sweep" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["nonsense", "seed=[1"])
def test_a_grid_that_is_none_is_told(word, capsys):
    assert main(["check", "-m", word]) == 2
    assert "is no override" in capsys.readouterr().err


def test_a_sweep_for_a_cluster_is_checked_without_one(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    monkeypatch.setenv("PATH", "/nowhere")
    words = ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu", "hydra.launcher.mem_gb=16"]
    assert main(["check", "-m", *words, "seed=0,-1"]) == 0
    assert "2 jobs: 1 work, 1 refused" in capsys.readouterr().out
    assert main(["check", "-m", "hydra/launcher=submitit_slurm", "hydra.launcher.partitoin=gpu", "seed=0,1"]) == 2
    assert "partition" in capsys.readouterr().err
