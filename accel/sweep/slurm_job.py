"""A job on its Slurm node: what may end it, and whether it is queued again. Submitit runs it there."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace

from submitit.core.utils import UncompletedJobError
from submitit.helpers import DelayedSubmission

from accel.sweep.job_spec import JobSpec
from accel.sweep.record import was_stopped
from accel.sweep.slurm_queue import queue_again
from accel.sweep.supervisor import RemoteJob, supervise


@dataclass(frozen=True)
class Ending:
    """How a job ended, as its sweep hears it."""

    exit_code: int
    restarts: int = 0
    """How often it was requeued before."""
    time_was_up: bool = False


@dataclass(frozen=True)
class SlurmJob:
    """Every task of the job runs this, and runs it again when the job was requeued."""

    remote_job: RemoteJob

    def __call__(self) -> Ending:
        """Run to an end of the run's own; a job that is requeued does not return from here."""
        requeue_or_give_up = signal.getsignal(signal.SIGUSR2)
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
        assert callable(requeue_or_give_up)
        try:
            requeue_or_give_up(signal.SIGUSR2, None)  # submitit's: it counts how often the time was up
        except UncompletedJobError:
            return replace(ending, time_was_up=True)
        raise AssertionError("submitit leaves after a requeue")

    def _spec(self, task: int, *, again: bool) -> JobSpec:
        spec = self.remote_job.spec_here(os.environ, again=again, rank=task)
        threads = os.environ.get("SLURM_CPUS_PER_TASK")
        is_rank = int(os.environ["SLURM_NTASKS"]) > 1
        return replace(spec, is_rank=is_rank, threads=int(threads) if threads else None)

    def checkpoint(self) -> DelayedSubmission:
        """What submitit runs the next time: the same, as the run's own checkpoint is in its folder."""
        return DelayedSubmission(self)
