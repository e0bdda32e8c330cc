"""Whose a run's folder is: it is claimed by one process, and locked for as long as that process lives.

The kernel lets go of the lock when the process dies, however it dies, so a dead run is told from a live one.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accel.errors import ConfigError
from accel.report.record import RUN_LOCK

TRIES, PAUSE_S = 5, 0.02


def claim(folder: Path) -> bool:
    """Make a folder this run's own; False where another run was faster. Of any number that ask, one gets it."""
    try:
        os.close(os.open(folder / RUN_LOCK, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    return True


def _locked(descriptor: int) -> bool:
    """Whoever looks whether a run is alive holds its lock for a moment, so it is tried for longer than that."""
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_S)
        else:
            return True
    return False


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Hold a folder's lock.

    Raises:
        ConfigError: a run that lives holds it.
    """
    with (folder / RUN_LOCK).open("a+", encoding="utf8") as file:
        if not _locked(file.fileno()):
            file.seek(0)
            raise ConfigError(
                f"resume={folder} is running now ({file.read().strip() or 'by another process'}). Wait for its end, "
                f"or stop it first."
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
