"""One sweep per folder, and no second one while jobs of the first still live. The kernel lets go when they die."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accel.errors import RefusedError

SWEEP_LOCK, JOBS_LOCK = ".sweep.lock", ".jobs.lock"
POLL_S = 0.05


@contextmanager
def only_sweep(folder: Path, *, wait_s: float) -> Iterator[Path]:
    """Own ``folder`` for a while; yields the file that its jobs share.

    Args:
        wait_s: how long the jobs of a sweep that was killed may take to save and stop.

    Raises:
        RefusedError: another sweep runs there, or its jobs do not end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = folder / JOBS_LOCK
    with (folder / SWEEP_LOCK).open("a+", encoding="utf8") as file:
        if not _taken(file.fileno()):
            file.seek(0)
            raise RefusedError(
                f"Another sweep runs in {folder} (process {file.read().strip() or 'unknown'}). Wait for it, or give "
                f"this one a folder of its own: hydra.sweep.dir=…"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _wait_for_jobs(jobs, folder, wait_s)
        yield jobs


def _wait_for_jobs(jobs: Path, folder: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    with jobs.open("a") as file:
        while not _taken(file.fileno()):
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"Jobs of an earlier sweep still run in {folder}, {wait_s:.0f} s after it ended. Stop them (their "
                    f"command lines name that folder), then try again."
                )
            time.sleep(POLL_S)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def share(jobs: Path, owner: int | None) -> bool:
    """Hold the jobs' lock until this process is gone, and tell whether the sweep that started it still owns the folder.

    A sweep may be killed between starting a job and this moment. The next one did not see such a job; it must end.

    Args:
        owner: process id of the sweep that started this job; None if it is not one of this machine.
    """
    descriptor = os.open(jobs, os.O_RDWR | os.O_CREAT)
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # first: from now on a new sweep waits
    if owner is None:
        return True
    return jobs.with_name(SWEEP_LOCK).read_text("utf8").strip() == str(owner) and _is_alive(owner)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
