"""What decides whether a job is queued again; that Slurm does it is shown in test_slurm_pool."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from accel.sweep import slurm_job, slurm_queue
from accel.sweep.job_spec import JobSpec
from accel.sweep.slurm_files import Ending, JobFiles, Submission
from accel.sweep.slurm_job import SlurmJob, main
from accel.sweep.supervisor import RemoteJob


@pytest.fixture
def on_a_node(tmp_path, monkeypatch):
    """``on_a_node(exit code, signals)``: run a job there; ``after`` is for how long it has run."""
    monkeypatch.setattr(slurm_queue, "SETTLE_S", 0.0)
    asked: list[str] = []

    def asked_of_slurm(command, **settings):
        asked.append(" ".join(command))
        return subprocess.CompletedProcess(command, 0, "", "")

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR2)}

    def run(code, told=(), *, state="RUNNING", after=0.0, **variables):
        for name, value in {"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", **variables}.items():
            monkeypatch.setenv(name, value)
        clock = iter((0.0, after))
        monkeypatch.setattr(slurm_job.time, "monotonic", lambda: next(clock))
        monkeypatch.setattr(slurm_queue, "state_of", lambda job: state)
        monkeypatch.setattr(slurm_queue.subprocess, "run", asked_of_slurm)

        def supervised(spec, stop):
            run.spec = spec
            assert not stop()
            for number in told:
                os.kill(os.getpid(), number)
            assert bool(stop()) == bool(told)
            return code

        monkeypatch.setattr(slurm_job, "supervise", supervised)
        spec = JobSpec(words=(), output=tmp_path / "o", directory=Path("/"), environment={})
        submission = Submission(RemoteJob(spec, 0, (), tmp_path, resume=False), timeout_min=60, timeouts_left=1)
        files = JobFiles.here(tmp_path, os.environ)
        if not files.submission.exists():
            files.write_submission(submission)
        return SlurmJob(files, files.read_submission())()

    run.asked = asked
    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_an_end_of_its_own_is_told(on_a_node):
    assert on_a_node(0, SLURM_CPUS_PER_TASK="3", SLURM_RESTART_COUNT="2") == Ending(0, restarts=2)
    assert (on_a_node.spec.threads, on_a_node.spec.is_rank) == (3, False)
    assert on_a_node(3, [signal.SIGTERM]) == Ending(3, restarts=2)  # it failed, whatever it was told
    assert on_a_node.asked == []


def test_preempted_it_requeues_itself_and_cancelled_it_does_not(on_a_node):
    for state, asked in (("COMPLETING", []), (None, []), ("RUNNING", ["scontrol requeue 7"])):
        with pytest.raises(SystemExit):
            on_a_node(130, [signal.SIGTERM], state=state)
        assert on_a_node.asked == asked


def test_as_often_as_allowed_it_goes_on_when_its_time_is_up(on_a_node):
    """Told early, it has to make room for another one, which is not counted."""
    for after in (60, 3500):
        with pytest.raises(SystemExit):
            on_a_node(130, [signal.SIGUSR2], after=after)
    assert on_a_node.asked == ["scontrol requeue 7"] * 2
    assert on_a_node(130, [signal.SIGUSR2], after=3500) == Ending(130, time_was_up=True)
    assert len(on_a_node.asked) == 2


def test_of_several_tasks_the_first_one_decides(on_a_node):
    assert on_a_node(130, [signal.SIGTERM], SLURM_PROCID="1", SLURM_NTASKS="2") == Ending(130)
    assert on_a_node.spec.is_rank
    assert on_a_node.asked == []


def test_what_fails_before_there_is_a_process_is_told_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setattr(slurm_job, "APPEARS_S", 0.0)
    main(tmp_path)
    assert "FileNotFoundError" in (JobFiles(tmp_path, "7").read_ending().error or "")
    assert "Traceback" in capsys.readouterr().err
