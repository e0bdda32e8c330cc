import multiprocessing
import os
import time

import pytest

from accel.errors import RefusedError
from accel.sweep.lock import only_sweep, share


@pytest.mark.fault("S3")
def test_one_sweep_per_folder(tmp_path):
    with (
        only_sweep(tmp_path, wait_s=0),
        pytest.raises(RefusedError, match=f"process {os.getpid()}"),
        only_sweep(tmp_path, wait_s=0),
    ):
        pass
    with only_sweep(tmp_path, wait_s=0):
        pass


def _live(file, seconds):
    share(file, os.getppid())
    time.sleep(seconds)


def test_the_jobs_of_a_killed_sweep_are_waited_for(tmp_path):
    with only_sweep(tmp_path, wait_s=0) as file:
        pass
    job = multiprocessing.get_context("fork").Process(target=_live, args=(file, 600), daemon=True)
    job.start()
    time.sleep(0.5)
    with pytest.raises(RefusedError, match="still run"), only_sweep(tmp_path, wait_s=0.2):
        pass
    job.kill()
    start = time.monotonic()
    with only_sweep(tmp_path, wait_s=30):
        assert time.monotonic() - start < 20
    job.join()


def test_a_job_learns_whether_its_sweep_still_owns_the_folder(tmp_path):
    with only_sweep(tmp_path, wait_s=0) as file:
        assert share(file, os.getpid())
        assert not share(file, os.getppid())
