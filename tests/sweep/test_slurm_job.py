"""What decides whether a job is queued again; that Slurm does it is shown in test_slurm_pool."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from submitit.core.utils import UncompletedJobError

from accel.sweep import slurm_job, slurm_queue
from accel.sweep.job_spec import JobSpec
from accel.sweep.slurm_job import Ending, SlurmJob
from accel.sweep.supervisor import RemoteJob


@pytest.fixture
def on_a_node(tmp_path, monkeypatch):
    """``on_a_node(exit code, signals)``: run a job there; ``submitit`` says what its own handler does."""
    monkeypatch.setattr(slurm_queue, "SETTLE_S", 0.0)
    asked: list[str] = []

    def asked_of_slurm(command, **settings):
        asked.append(" ".join(command))
        return subprocess.CompletedProcess(command, 0, "", "")

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR2)}

    def run(code, told=(), *, state="RUNNING", submitit=None, **variables):
        for name, value in {"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", **variables}.items():
            monkeypatch.setenv(name, value)
        signal.signal(signal.SIGUSR2, lambda number, frame: submitit())
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
        return SlurmJob(RemoteJob(spec, 0, (), tmp_path, resume=False))()

    run.asked = asked
    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def leaves():
    raise SystemExit(-1)


def gives_up():
    raise UncompletedJobError("timed-out too many times")


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


def test_before_its_time_is_up_submitit_decides(on_a_node):
    with pytest.raises(SystemExit):
        on_a_node(130, [signal.SIGUSR2], submitit=leaves)
    assert on_a_node(130, [signal.SIGUSR2], submitit=gives_up) == Ending(130, time_was_up=True)


def test_of_several_tasks_the_first_one_decides(on_a_node):
    assert on_a_node(130, [signal.SIGTERM], SLURM_PROCID="1", SLURM_NTASKS="2") == Ending(130)
    assert on_a_node.spec.is_rank
    assert on_a_node.asked == []
