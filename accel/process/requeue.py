"""A run that Slurm queues again, after a preemption or before its time is up, goes on in its folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from accel.core.console import say_error
from accel.sweep.slurm_queue import queue_again

JOB, STARTS = "SLURM_JOB_ID", "SLURM_RESTART_COUNT"
SWEEP = "SUBMITIT_EXECUTOR"
"""A sweep sees to its jobs itself."""


@dataclass(frozen=True)
class SlurmRun:
    """One run of a job, as its next start will know it: by the job's number and the command line."""

    job: str
    restarts: int
    note: Path
    """Holds the run's folder, from one start to the next."""

    @classmethod
    def of(cls, words: Sequence[str], cache: Path, environment: Mapping[str, str]) -> SlurmRun | None:
        """The run of this process; None outside of Slurm and in a sweep."""
        job = environment.get(JOB)
        if job is None or SWEEP in environment:
            return None
        command = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
        return cls(job, int(environment.get(STARTS, "0")), cache / "slurm" / f"{job}-{command}.txt")

    def earlier(self) -> Path | None:
        """The folder of the job's last start, if there is a checkpoint to go on from."""
        if self.restarts == 0:
            return None
        with suppress(OSError):
            folder = Path(self.note.read_text("utf8"))
            return folder if any((folder / "checkpoints").glob("last.ckpt*")) else None
        return None

    def remember(self, folder: Path) -> None:
        """For the next start."""
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.note.write_text(str(folder), "utf8")

    def queue_again(self) -> None:
        """Have Slurm start it again; says so where Slurm does not."""
        reason = queue_again(self.job)
        if reason is not None:
            say_error(f"Slurm does not queue job {self.job} again ({reason}). Submit it with sbatch --requeue.")
