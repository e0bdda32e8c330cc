"""What Slurm's queue says of jobs. Accounting is not asked: many clusters have none, and then sacct knows nothing."""

from __future__ import annotations

import getpass
import subprocess

ANSWER_S = 60
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


def _squeue(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["squeue", "--noheader", *words], capture_output=True, text=True, check=False, timeout=ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
