"""A run whose job Slurm starts again: by the variables that it sets, and on a real Slurm."""

import os
import sys
import time
from pathlib import Path

import pytest

from accel.cli import main
from accel.process.requeue import SlurmRun
from accel.report.record import read_record
from accel.sweep import slurm_queue
from tests.conftest import tiny_words, write_tiny_csv
from tests.forked_ranks import run_ranks
from tests.run_folder import digest_of_model, steps_of, wait_for

WORDS = ["model=tiny_bert", "seed=1"]
STEPS = 60
SLOW_STEPS = """
import time
from torch.optim.optimizer import register_optimizer_step_pre_hook

register_optimizer_step_pre_hook(lambda *told: time.sleep(0.2))
"""
"""A plug-in: there is time to do something to the job."""


def started(restarts, **more):
    return {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(restarts), **more}


def folder_with_checkpoint(tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"")
    return folder


def test_it_goes_on_where_the_same_command_of_the_same_job_was(tmp_path):
    folder = folder_with_checkpoint(tmp_path)
    SlurmRun.of(WORDS, tmp_path, {"SLURM_JOB_ID": "7"}).remember(folder)
    assert SlurmRun.of(WORDS, tmp_path, started(1)).earlier() == folder
    assert SlurmRun.of(WORDS, tmp_path, started(0)).earlier() is None
    assert SlurmRun.of([*WORDS, "seed=2"], tmp_path, started(1)).earlier() is None
    assert SlurmRun.of(WORDS, tmp_path, started(1, SLURM_JOB_ID="8")).earlier() is None


def test_without_a_checkpoint_it_begins_anew(tmp_path):
    folder = folder_with_checkpoint(tmp_path)
    (folder / "checkpoints" / "last.ckpt").unlink()
    SlurmRun.of(WORDS, tmp_path, started(0)).remember(folder)
    assert SlurmRun.of(WORDS, tmp_path, started(1)).earlier() is None


def test_outside_of_slurm_and_in_a_sweep_there_is_nothing_to_do(tmp_path):
    assert SlurmRun.of(WORDS, tmp_path, {}) is None
    assert SlurmRun.of(WORDS, tmp_path, started(1, SUBMITIT_EXECUTOR="slurm")) is None


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.slow
def test_the_second_start_takes_the_first_ones_folder(tiny_run, tmp_path, monkeypatch, capsys, restarts):
    """Negative control: a start that is not the job's second one gets a folder of its own."""
    words = [*tiny_run, f"cache={tmp_path / 'cache'}"]
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert main(words) == 0
    capsys.readouterr()
    monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
    assert main(words) == 0
    assert ("Slurm has started this job again" in capsys.readouterr().out) == bool(restarts)
    assert len(list(tmp_path.glob("**/result.json"))) == 2 - restarts


@pytest.mark.parametrize(
    ("state", "code", "says"), [("RUNNING", 0, ""), ("RUNNING", 1, "--requeue"), ("CANCELLED", 1, "")]
)
def test_only_a_job_that_still_counts_as_running_is_queued_again(tmp_path, monkeypatch, capsys, state, code, says):
    for name, text in {"squeue": f"echo {state}", "scontrol": f"echo $@ >> {tmp_path}/asked; exit {code}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(slurm_queue, "SETTLE_S", 0.0)
    SlurmRun.of(WORDS, tmp_path, started(0)).queue_again()
    assert (tmp_path / "asked").is_file() == (state == "RUNNING")
    said = capsys.readouterr().err
    assert says in said
    assert bool(said) == bool(says)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("requeued")
    run = tiny_words(write_tiny_csv(folder / "tiny.csv"))
    return [*run, f"trainer.max_steps={STEPS}", "strategy=ddp", f"cache={folder / 'cache'}"]


@pytest.fixture(scope="module")
def expected(words, tmp_path_factory):
    """The digest of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert run_ranks([*words, f"hydra.run.dir={folder}"], folder.parent).record(folder)["status"] == "finished"
    return digest_of_model(folder)


@pytest.fixture
def submitted(slurm, tmp_path, words):
    """A batch job of one run on two tasks: (its id, its folder, what it prints)."""
    folder, printed = tmp_path / "run", tmp_path / "printed.txt"
    (tmp_path / "slow_steps.py").write_text(SLOW_STEPS)
    run = " ".join([sys.executable, "-m", "accel", "--plugin", "slow_steps", *words, f"hydra.run.dir={folder}"])
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/bash\nsrun {run.replace('[', chr(92) + '[').replace(']', chr(92) + ']')}\n")
    options = ["--parsable", "--requeue", "-N1", "-n2", "--mem=4000", f"--output={printed}", "--open-mode=append"]
    options.append(f"--chdir={tmp_path}")
    yield slurm.run("sbatch", *options, str(script)).strip(), folder, printed
    slurm.call("scancel", f"--user={os.environ.get('USER', 'root')}")


def preempt(slurm, job):
    del job
    slurm.run("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")


def warn(slurm, job):
    """As ``sbatch --signal=USR1@60`` does before the time is up."""
    slurm.run("scancel", "--signal=USR1", job)


def started_again(slurm, job):
    slurm.start_again(job)
    state = slurm.run("squeue", "-h", "-j", job, "-o", "%T").strip()
    return state == "RUNNING" and "Restarts=1" in slurm.run("scontrol", "show", "job", job)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [pytest.param(preempt, marks=pytest.mark.full), warn])
def test_on_slurm_it_is_queued_again_and_goes_on(slurm, submitted, expected, stop):
    job, folder, printed = submitted
    wait_for(lambda: steps_of(folder) >= 5)
    stop(slurm, job)
    wait_for(lambda: started_again(slurm, job))
    wait_for(lambda: (read_record(folder) or {}).get("status") == "finished", 900)
    text = printed.read_text()
    assert f"Slurm has started this job again: the run goes on in {folder}" in text
    assert text.count("Traceback") == 0
    assert [p.name for p in Path(folder.parent).glob("run*")] == ["run"]
    assert digest_of_model(folder) == expected


@pytest.mark.slow
def test_a_cancelled_one_is_not_queued_again(slurm, submitted):
    job, folder, _ = submitted
    wait_for(lambda: steps_of(folder) >= 5)
    slurm.run("scancel", job)
    wait_for(
        lambda: (
            not slurm.run("squeue", "-h", "-j", job, "-o", "%T").strip()
            or "CANCELLED" in slurm.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T")
        )
    )
    wait_for(lambda: (read_record(folder) or {}).get("status") == "interrupted")
    time.sleep(slurm_queue.SETTLE_S + 2)
    assert "PENDING" not in slurm.call("squeue", "-h", "-j", job, "-o", "%T").stdout
