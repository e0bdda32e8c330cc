"""A job on its Slurm node: what may end it, whether it is queued again. ``python -m accel.sweep.slurm_job FOLDER``."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from accel.sweep.job_spec import JobSpec
from accel.sweep.record import was_stopped
from accel.sweep.slurm_files import Ending, JobFiles, Submission
from accel.sweep.slurm_queue import queue_again, requeue
from accel.sweep.supervisor import supervise

APPEARS_S = 60.0
"""So long after sbatch has returned may a job's file take its name, or be seen on another machine."""


@dataclass
class SlurmJob:
    """Every task of the job runs this, and runs it again when the job was requeued."""

    files: JobFiles
    submission: Submission

    def __call__(self) -> Ending:
        """Run to an end of the run's own; a job that is requeued does not return from here."""
        began = time.monotonic()
        told: list[int] = []
        for number in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, lambda number, frame: told.append(number))
        restarts, task = int(os.environ.get("SLURM_RESTART_COUNT", "0")), int(os.environ["SLURM_PROCID"])
        code = supervise(self._spec(task, again=restarts > 0), stop=lambda: told)
        ending = Ending(code, restarts)
        if task != 0 or not told or not was_stopped(code):
            return ending
        if signal.SIGTERM in told:
            queue_again(os.environ["SLURM_JOB_ID"])
            sys.exit(code)  # without a word, which would end a job that Slurm has requeued already
        if self._time_is_up(time.monotonic() - began) and not self._goes_on():
            return replace(ending, time_was_up=True)
        refused = requeue(self.files.id)
        if refused:
            return replace(ending, error=f"it could not be queued again: {refused}")
        sys.exit(code)

    def _spec(self, task: int, *, again: bool) -> JobSpec:
        spec = self.submission.remote_job.spec_here(os.environ, again=again, rank=task)
        threads = os.environ.get("SLURM_CPUS_PER_TASK")
        is_rank = int(os.environ["SLURM_NTASKS"]) > 1
        return replace(spec, is_rank=is_rank, threads=int(threads) if threads else None)

    def _time_is_up(self, seconds: float) -> bool:
        """Or else the job is to make room: both are told by the same signal."""
        limit = self.submission.timeout_min * 60
        return seconds >= min(limit * 0.8, limit - 600)

    def _goes_on(self) -> bool:
        """Count the timeout where the next start of the job will find it; whether one more was allowed."""
        left = self.submission.after_a_timeout()
        if left.timeouts_left < 0:
            return False
        self.files.write_submission(left)
        return True


def main(folder: Path) -> None:
    """Run the job that Slurm has started here, and tell how it ended."""
    files = JobFiles.here(folder, os.environ)
    try:
        ending = SlurmJob(files, _submission(files))()
    except Exception as error:
        traceback.print_exc()
        ending = Ending(1, error=f"{type(error).__name__}: {error}")
    files.write_ending(ending, int(os.environ["SLURM_PROCID"]))


def _submission(files: JobFiles) -> Submission:
    deadline = time.monotonic() + APPEARS_S
    while not files.submission.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    return files.read_submission()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
