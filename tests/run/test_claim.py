import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from accel.errors import ConfigError
from accel.report.record import RUN_LOCK, read_record, status_of
from accel.run.claim import claim, running
from accel.run.run import make_folder


@pytest.mark.fault("S3")
@pytest.mark.parametrize("exists", [False, True])
def test_runs_that_start_together_have_folders_of_their_own(tmp_path, exists):
    """Negative control: without the claim, whoever finds a folder empty takes it, and many do."""
    for number in range(20):
        wanted, barrier = tmp_path / str(number), Barrier(8)
        if exists:
            wanted.mkdir()

        def one(_, wanted=wanted, barrier=barrier):
            barrier.wait()
            return make_folder(wanted)

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(one, range(8)))) == 8


def test_a_folder_is_claimed_once(tmp_path):
    assert (claim(tmp_path), claim(tmp_path)) == (True, False)


def test_a_running_folder_is_not_resumed_and_a_dead_one_is(tmp_path):
    told = f"is running now .process {os.getpid()} on "
    with running(tmp_path), pytest.raises(ConfigError, match=told), running(tmp_path):
        pass
    with running(tmp_path):
        pass


def killed_while_running(folder):
    """A process that holds the folder, killed without a chance to let go."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        with running(folder):
            os.write(told, b"x")
            signal.pause()
    os.read(ready, 1)
    yield
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    yield


def test_a_killed_run_is_dead_and_a_live_one_is_running(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"status": "running"}))
    record = read_record(tmp_path) or {}
    life = killed_while_running(tmp_path)
    next(life)
    assert status_of(record, tmp_path) == "running"
    next(life)
    assert status_of(record, tmp_path) == "dead"
    assert status_of({"status": "finished"}, tmp_path) == "finished"
    (tmp_path / RUN_LOCK).write_text("process 7 on another-machine")  # whose locks may not be seen from here
    assert status_of(record, tmp_path) == "running"
