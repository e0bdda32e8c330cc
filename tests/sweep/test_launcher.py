"""Real processes: every way a job can end leaves the others alone."""

import json
import os
import sys

import pytest

from accel.errors import ExitCode
from accel.report.record import new_record, write_record
from accel.sweep import launcher
from accel.sweep.launcher import Context, exit_code_of, run_jobs
from accel.sweep.record import Job, read_sweep

JOB = """
import json, os, signal, sys, time
from pathlib import Path
how = next(w.split("=")[1] for w in sys.argv if w.startswith("seed="))
folder = Path(next(w.split("=")[1].strip("'") for w in sys.argv if w.startswith("hydra.run.dir=")))
folder.mkdir(parents=True)
if how == "1": raise RuntimeError("raised")
if how == "2": sys.exit(0)
if how == "3": os._exit(7)
if how == "4": os.kill(os.getpid(), signal.SIGKILL)
if how == "5": time.sleep(60)
record = {"schema": 1, "status": "finished", "error": None, "after": {"metrics": {"accuracy": 0.5}}}
(folder / "result.json").write_text(json.dumps(record))
"""


@pytest.fixture
def fake_jobs(tmp_path, monkeypatch):
    """Jobs that run JOB instead of a training run."""
    program = tmp_path / "accel" / "__main__.py"
    program.parent.mkdir()
    program.write_text(JOB)
    program.with_name("__init__.py").touch()  # a package without it would lose against the real one
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("accel.plan.check_overrides", lambda *a: None)
    monkeypatch.setattr(launcher.subprocess, "Popen", _in(tmp_path, launcher.subprocess.Popen))


def _in(folder, popen):
    return lambda command, **kwargs: popen(command, cwd=folder, **kwargs)


def run(tmp_path, seeds, **kwargs):
    folder = tmp_path / "sweep"
    jobs = [Job(i, [f"seed={seed}"], folder) for i, seed in enumerate(seeds)]
    run_jobs(jobs, folder, Context(), **kwargs)
    return folder, {job["number"]: job for job in read_sweep(folder)}


def test_whatever_kills_a_job_leaves_the_others_alone(fake_jobs, tmp_path, capsys):
    folder, jobs = run(tmp_path, [0, 1, 2, 3, 4, 5, 0], n_jobs=2, timeout_s=3)
    assert [jobs[i]["status"] for i in range(7)] == ["finished", *["failed"] * 5, "finished"]
    assert "exit code 1" in jobs[1]["error"]
    assert "exit code 0" in jobs[2]["error"]
    assert "exit code 7" in jobs[3]["error"]
    assert "SIGKILL" in jobs[4]["error"]
    assert "timeout_s=3" in jobs[5]["error"]
    assert "raised" in (folder / "1.output.txt").read_text()
    assert exit_code_of(folder) == ExitCode.SOME_JOBS_FAILED
    assert "[7/7]" in capsys.readouterr().out


def test_finished_jobs_are_not_repeated(fake_jobs, tmp_path):
    folder, _ = run(tmp_path, [0, 1])
    stamp = (folder / "0" / "result.json").stat().st_mtime_ns
    run(tmp_path, [0, 1, 0])
    assert (folder / "0" / "result.json").stat().st_mtime_ns == stamp
    assert len(read_sweep(folder)) == 3


def test_refused_jobs_are_recorded_and_skipped(tmp_path):
    folder = tmp_path / "sweep"
    run_jobs([Job(0, ["tuning=lora", "compression=[qat]"], folder)], folder, Context())
    (job,) = read_sweep(folder)
    assert job["status"] == "refused"
    assert json.loads((folder / "0" / "result.json").read_text())["status"] == "refused"
    assert exit_code_of(folder) == ExitCode.REFUSED


def test_jobs_do_not_inherit_a_rank(fake_jobs, tmp_path, monkeypatch):
    seen = {}
    inner = launcher.subprocess.Popen
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(launcher.subprocess, "Popen", lambda c, **k: seen.update(k["env"]) or inner(c, **k))
    run(tmp_path, [0])
    assert "LOCAL_RANK" not in seen
    assert os.environ["LOCAL_RANK"] == "1"
    assert sys.executable


def test_exit_code_is_zero_when_all_that_could_run_did(tmp_path):
    write_record({**new_record([]), "status": "finished"}, tmp_path / "0")
    (tmp_path / "sweep.json").write_text(json.dumps({"jobs": [{"status": "finished"}, {"status": "refused"}]}))
    assert exit_code_of(tmp_path) == ExitCode.DONE
