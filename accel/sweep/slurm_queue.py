"""What Slurm's queue says of jobs. Accounting is not asked: many clusters have none, and then sacct knows nothing."""

from __future__ import annotations

import getpass
import subprocess
import time

ANSWER_S = 60
SETTLE_S = 3.0
"""After the signal, the state of a cancelled job may still be the old one for a moment."""
OVER = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
})  # fmt: skip
"""States that a job does not leave, but for a preempted one that is requeued a moment later."""
GONE = "GONE"
"""Of a job that the queue no longer knows: Slurm forgets those that ended, after some minutes (MinJobAge)."""


def states_of(name: str) -> dict[str, str] | None:
    """The state of each of this user's jobs of one name, by its id ("12_3" in an array); None without an answer."""
    text = _squeue("--array", "--states=all", f"--user={getpass.getuser()}", f"--name={name}", "--format=%i %T")
    return None if text is None else dict(line.split(maxsplit=1) for line in text.splitlines() if line.strip())


def state_of(job: str) -> str | None:
    """The state of one job; None without an answer."""
    text = _squeue(f"--jobs={job}", "--format=%T")
    return text.strip() if text else None


def queue_again(job: str) -> str | None:
    """Queue a job that was told to stop again, unless it was cancelled or requeued; why that failed, if it did.

    Slurm sends the same to a job that is cancelled, requeued or preempted, but has only the last run on for a while. A
    preempted job that ends within its grace time counts as completed, so it has to requeue itself.
    """
    time.sleep(SETTLE_S)
    if state_of(job) != "RUNNING":
        return None
    return requeue(job)


def requeue(job: str) -> str | None:
    """Queue a job again that runs; why that failed, if it did."""
    command = ["scontrol", "requeue", job]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_S)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def _squeue(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["squeue", "--noheader", *words], capture_output=True, text=True, check=False, timeout=ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
