"""The process around a job on another machine."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from accel.errors import ExitCode
from accel.report.record import new_record, write_record
from accel.sweep.job_spec import JobSpec
from accel.sweep.record import Job
from accel.sweep.supervisor import RemoteJob, supervise


@pytest.fixture
def spec(tmp_path):
    """Of a command that ends at once, or, with the plugin, waits."""
    (tmp_path / "waits.py").write_text("import time, pathlib\npathlib.Path('up').touch()\ntime.sleep(600)\n")
    return JobSpec(words=(), output=tmp_path / "output.txt", directory=tmp_path, environment=dict(os.environ))


def test_it_tells_how_the_process_ended(spec):
    assert supervise(spec.ending_with(["--help"]), stop=lambda: False) == ExitCode.DONE
    assert "accel -m [overrides]" in spec.output.read_text()
    assert supervise(spec.ending_with(["nonsense"]), stop=lambda: False) == ExitCode.REFUSED


def test_the_wish_to_stop_is_passed_on_and_usr2_is_not(spec, tmp_path):
    """Slurm may send SIGUSR2 to every process of a job; its default action would end the run unsaved."""
    told: list[int] = []

    def tell():
        while not (tmp_path / "up").exists():
            time.sleep(0.05)
        child = _worker_of(os.getpid())
        os.kill(child, signal.SIGUSR2)
        time.sleep(0.5)
        told.append(signal.SIGTERM)

    thread = threading.Thread(target=tell)
    thread.start()
    assert supervise(spec.ending_with(["--plugin=waits"]), lambda: told) == ExitCode.SIGINT
    thread.join()


def test_a_kill_is_told_as_the_signal(spec, tmp_path):
    def kill():
        while not (tmp_path / "up").exists():
            time.sleep(0.05)
        os.kill(_worker_of(os.getpid()), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    assert supervise(spec.ending_with(["--plugin=waits"]), lambda: False) == -signal.SIGKILL
    thread.join()


def _worker_of(process):
    """The supervised process among the children, of which there may be others: a fork server, for example."""
    children = [int(p) for thread in os.listdir(f"/proc/{process}/task") for p in _children(process, thread)]
    return next(p for p in children if b"accel.sweep.worker" in Path(f"/proc/{p}/cmdline").read_bytes())


def _children(process, thread):
    return Path(f"/proc/{process}/task/{thread}/children").read_text().split()


def test_an_order_survives_the_journey(spec):
    sent = replace(spec, words=("a", "b"), gpus=("0",), threads=2, memory_bytes=5)
    assert JobSpec.from_json(sent.to_json()) == replace(sent, words=["a", "b"], cores=[], gpus=["0"])


def test_a_job_that_is_started_again_goes_on_where_it_left_a_checkpoint(spec, tmp_path):
    job = Job(3, ["seed=1"], tmp_path)
    remote_job = RemoteJob.of(job, spec)
    first = remote_job.spec_here({"HERE": "1", "LOCAL_RANK": "1"}, again=False)
    assert first.words == (f"hydra.run.dir='{job.folder}'",)
    assert (first.environment["HERE"], "LOCAL_RANK" in first.environment) == ("1", False)
    write_record(new_record([]), job.folder)
    assert remote_job.spec_here({}, again=True).words == (f"hydra.run.dir='{job.folder}'",)
    assert not job.folder.exists()  # nothing to go on from, so what was there is cleared away
    (job.folder / "checkpoints").mkdir(parents=True)
    (job.folder / "checkpoints" / "last.ckpt").touch()
    assert remote_job.spec_here({}, again=True).words == (f"resume='{job.folder}'",)
    later = remote_job.spec_here({}, again=True, rank=1)
    assert later.words == (f"resume='{job.folder}'",)
