"""Runs the jobs of a sweep: all checked before the first starts, each a process of its own, here or on a cluster."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.errors import Interrupted
from accel.process.stop_requests import EXIT_CODES, heard
from accel.sweep.job_spec import Common
from accel.sweep.lock import only_sweep
from accel.sweep.pool import STOP_S, Pool
from accel.sweep.progress import SweepProgress, say
from accel.sweep.record import ENDED_WELL, Job, Sweep
from accel.sweep.source import Context, GridSource, Source


@dataclass
class JobLauncher:
    """The work behind every ``hydra/launcher`` of accel's.

    Args:
        make_pool: where the jobs run.
    """

    make_pool: Callable[[Common], Pool]

    def setup(self, hydra_context: Any, task_function: Any, config: Any) -> None:
        """What Hydra hands to a launcher."""
        del hydra_context, task_function
        self.config = config

    @property
    def folder(self) -> Path:
        """Of the sweep."""
        return Path(str(self.config.hydra.sweep.dir)).expanduser().absolute()

    def run(self, source: Source) -> Sweep:
        """Run all that the source has into the sweep's folder."""
        return run_jobs(source, self.folder, Context.of_this_process(), self.make_pool)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        """Run every job, whatever becomes of the others, and leave sweep.json; returns Hydra's job results."""
        del initial_job_idx  # a job's number follows from what it is
        sweep = self.run(GridSource(job_overrides))
        return [_hydra_result(sweep.job(words)) for words in job_overrides]


def run_jobs(source: Source, folder: Path, context: Context, make_pool: Callable[[Common], Pool]) -> Sweep:
    """Run all that the source has; sweep.json follows every change.

    Raises:
        Interrupted: a signal stopped the sweep; its jobs were told to save.
        RefusedError: another sweep runs in the folder.
    """
    with only_sweep(folder, wait_s=2 * STOP_S) as lock:
        pool = make_pool(Common(context.flags, folder, lock))  # before the records are read: what it adopts may end
        sweep = Sweep.of(folder)
        before = sweep.count(*ENDED_WELL)
        total = source.begin(sweep, context)
        sweep.save()
        _announce(sweep, total, before)
        with _told_by_signals(folder), SweepProgress(total) as board:
            try:
                _run_all(source, sweep, pool, board)
            finally:
                pool.stop()
                sweep.save()
        return sweep


def _announce(sweep: Sweep, total: int, before: int) -> None:
    refused = sweep.count("refused")
    say(f"{total} jobs into {sweep.folder}: {total - refused - before} to run, {refused} refused, {before} done before")


def _run_all(source: Source, sweep: Sweep, pool: Pool, board: SweepProgress) -> None:
    while True:
        board.refused(sweep)
        jobs = _up_to(pool.room(adaptive=source.adaptive), source)
        if jobs:
            pool.start(jobs)
            sweep.save()
        board.refused(sweep)  # a search learns only here what its proposals are worth
        board.show(sweep, pool.running)
        ended = pool.wait()
        if not ended:
            return
        for job in ended:
            source.ended(job)
            sweep.save()
            board.ended(job, sweep)


def _up_to(count: int, source: Source) -> list[Job]:
    jobs: list[Job] = []
    while len(jobs) < count and (job := source.next()) is not None:
        jobs.append(job)
    return jobs


@contextmanager
def _told_by_signals(folder: Path) -> Iterator[None]:
    """Whatever asks a run to stop ends the sweep alike: the jobs save and stop, and the user learns how to go on."""

    def stop(number: int, frame: object) -> None:
        del frame
        signal.signal(number, signal.SIG_IGN)  # the jobs are already told; a second one must not cut that short
        how = f"\nStopped. Finish what is missing with the same command plus sweep.resume={folder}"
        raise Interrupted(how, EXIT_CODES[signal.Signals(number)])

    previous = {number: signal.signal(number, stop) for number in heard()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _hydra_result(job: Job) -> Any:
    """What Hydra wants to hear of a job."""
    from hydra.core.utils import JobReturn, JobStatus

    result = JobReturn()
    result.overrides, result.working_dir = job.overrides, str(job.folder)
    result.status, result.return_value = JobStatus.COMPLETED, job.stated()
    return result
