"""The inside of a job's process, tried in processes of their own."""

import multiprocessing
import os
import signal
import sys
import time

import pytest

from accel.sweep import worker
from accel.sweep.job_spec import JobSpec
from accel.sweep.lock import SWEEP_LOCK
from accel.sweep.worker import work


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Fork a job whose run is a function of this test."""

    def start(run, **settings):
        monkeypatch.setattr("accel.cli.main", run)
        (tmp_path / SWEEP_LOCK).write_text(str(settings.pop("written", os.getpid())))
        spec = JobSpec(
            words=["seed=1"], output=tmp_path / "output.txt", directory=tmp_path,
            environment=settings.pop("environment", {"PATH": os.environ["PATH"]}), lock=tmp_path / "lock",
            **{"owner": os.getpid(), **settings},
        )  # fmt: skip
        process = multiprocessing.get_context("fork").Process(target=work, args=(spec,))
        process.start()
        return process, tmp_path / "output.txt"

    return start


def test_it_is_set_apart_and_ends_with_the_runs_exit_code(started, tmp_path):
    def run(words):
        print(words, os.getcwd(), os.getpgid(0) == os.getpid(), sys.argv, sys.modules["__main__"].__spec__.name)
        print(os.environ.get("LOCAL_RANK"), os.environ["CUDA_VISIBLE_DEVICES"], os.environ["OMP_NUM_THREADS"])
        os.system("echo from a child")
        return 5

    environment = {"LOCAL_RANK": "1", "PATH": os.environ["PATH"]}
    process, output = started(run, environment=environment, gpus=("2",), threads=1)
    process.join()
    assert process.exitcode == 5
    assert output.read_text().splitlines() == [
        f"['seed=1'] {tmp_path} True ['accel', 'seed=1'] accel.__main__", "None 2 1", "from a child",
    ]  # fmt: skip


def test_a_job_whose_sweep_is_gone_does_not_run(started, tmp_path):
    """The sweep was killed while it started the job; the next one owns the folder, or none does."""
    gone = multiprocessing.get_context("fork").Process(target=lambda: None)
    gone.start()
    gone.join()
    for owner, written in ((os.getpid(), os.getpid()), (os.getpid(), os.getppid()), (gone.pid, gone.pid)):
        ran = tmp_path / f"ran-{owner}-{written}"
        process, _ = started(lambda words, ran=ran: ran.touch(), owner=owner, written=written)
        process.join()
        assert ran.exists() == (owner == written == os.getpid())


def test_memory_is_limited(started):
    process, output = started(lambda words: len(bytearray(2**33)), memory_bytes=2**32)
    process.join()
    assert process.exitcode == 1
    assert "MemoryError" in output.read_text()


def test_only_its_cores(started):
    core = min(os.sched_getaffinity(0))
    process, output = started(lambda words: print(os.sched_getaffinity(0)), cores=(core,))
    process.join()
    assert output.read_text() == f"{{{core}}}\n"


def test_where_a_fork_is_unsafe_it_begins_afresh(started, monkeypatch):
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, worker.PRELOAD, SimpleNamespace(UNSAFE="CUDA is in use"))
    monkeypatch.setattr("os.execv", lambda program, words: print(words) or os._exit(9))
    process, output = started(lambda words: 0)
    process.join()
    assert process.exitcode == 9 or "'-m', 'accel', 'seed=1'" in output.read_text()


def _sleep(spec):
    """Be a job that sleeps."""
    import accel.cli

    accel.cli.main = lambda words: time.sleep(600)
    work(spec)


def _parent_of(spec, pids, method):
    process = multiprocessing.get_context(method).Process(target=_sleep, args=(spec,))
    process.start()
    pids.put(process.pid)
    time.sleep(600)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
@pytest.mark.parametrize(("of_the_sweep", "of_the_job"), [("fork", "fork"), ("spawn", "forkserver")])
def test_it_is_told_to_stop_when_the_sweep_is_killed(tmp_path, of_the_sweep, of_the_job):
    """Also where another process has forked it, which goes on as long as the job does."""
    context = multiprocessing.get_context(of_the_sweep)
    pids = context.Queue()
    (tmp_path / SWEEP_LOCK).write_text(str(os.getpid()))
    spec = JobSpec(["seed=1"], tmp_path / "o", tmp_path, dict(os.environ), tmp_path / "lock", os.getpid())
    parent = context.Process(target=_parent_of, args=(spec, pids, of_the_job))
    parent.start()
    job = pids.get(timeout=120)
    time.sleep(1)
    assert _alive(job)
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    for _ in range(600):
        if not _alive(job):
            return
        time.sleep(0.1)
    os.kill(job, signal.SIGKILL)
    pytest.fail("the job outlived its sweep")


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_has_the_environment_of_its_order_and_nothing_of_the_parent_s(started, monkeypatch):
    monkeypatch.setenv("LEFT_BY_THE_PARENT", "secret")
    environment = {"PATH": os.environ["PATH"], "A": "b"}
    process, output = started(lambda words: print(sorted({*os.environ} - {"PYTHONSAFEPATH"})), environment=environment)
    process.join()
    assert process.exitcode == 0
    assert output.read_text() == f"{sorted(environment)}\n"
