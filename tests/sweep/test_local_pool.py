"""What the jobs of a sweep share; that they are processes of their own is shown in test_launcher."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from accel.sweep import local_pool
from accel.sweep.job_spec import Common
from accel.sweep.local_pool import JobProcess, LocalPool, Resources, visible_gpus
from accel.sweep.record import Job


@pytest.fixture
def cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)


def test_cores_are_shared_out(cores):
    assert [Resources(n_jobs=4).cores(slot) for slot in range(4)] == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert [Resources(n_jobs=3, cores_per_job=3).cores(slot) for slot in range(3)] == [(0, 1, 2), (3, 4, 5), (0, 6, 7)]
    assert Resources(n_jobs=1).cores(0) == ()  # alone, it may use what a single run uses
    assert Resources(n_jobs=16).cores(9) == (1,)


def test_gpus_are_shared_out(monkeypatch):
    monkeypatch.setattr(local_pool, "visible_gpus", lambda: ["0", "1", "2", "3"])
    assert [Resources(n_jobs=2).gpus(slot) for slot in range(2)] == [("0", "1"), ("2", "3")]
    assert Resources(n_jobs=1).gpus(0) is None
    assert Resources(n_jobs=1, gpus_per_job=1).gpus(0) == ("0",)
    monkeypatch.setattr(local_pool, "visible_gpus", list)
    assert Resources(n_jobs=2).gpus(0) is None


def test_gpus_are_found_without_touching_cuda(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert visible_gpus() == ["3", "5"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(local_pool.shutil, "which", lambda name: None)
    assert visible_gpus() == []


def test_a_job_is_told_all_it_needs(tmp_path, cores, monkeypatch):
    monkeypatch.setattr(local_pool, "_warm_up", lambda context: None)
    sweep = tmp_path / "my sweep"
    jobs = LocalPool(Common(("--plugin=x",), sweep, tmp_path / "lock"), Resources(n_jobs=2, memory_gb=1.5))
    job = Job(3, ["seed=1", "hydra.launcher.n_jobs=2"], sweep, environment={"A": "b"})
    spec = jobs._spec(job, 1, resume=False)
    assert spec.words == ("--plugin=x", "seed=1", "group='my sweep'", f"hydra.run.dir='{sweep / '3'}'")
    assert (spec.cores, spec.threads, spec.memory_bytes) == ((4, 5, 6, 7), 4, int(1.5 * 2**30))
    assert spec.environment["A"] == "b"
    assert f"resume='{sweep / '3'}'" in jobs._spec(job, 0, resume=True).words
    assert "group='my sweep'" not in jobs._spec(Job(0, ["group=mine"], sweep), 0, resume=False).words
    assert jobs.room(adaptive=True) == jobs.room(adaptive=False) == 2


def test_a_job_that_has_just_ended_is_sent_nothing(tmp_path):
    """Its exit code comes by way of the fork server: until then it counts as alive, and has no process any more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    process = SimpleNamespace(pid=gone.pid, is_alive=lambda: True)
    JobProcess(Job(0, [], tmp_path), process, slot=0).signal(signal.SIGKILL)  # type: ignore[arg-type]
