"""What a launcher is made of: something that starts jobs and tells which have ended, here or on a cluster."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accel.config.overrides import quoted
from accel.report.record import new_record, read_record, write_record
from accel.sweep.job_spec import Common, JobSpec, RunningJob
from accel.sweep.record import ENDED_WELL, Job

STOP_S = 20.0
"""How long jobs on this machine may take to save and stop when they are asked to."""


class Pool(ABC):
    """Where jobs run. Jobs that are handed over end by themselves, are told to stop, or die; all three are noticed."""

    def __init__(self, common: Common) -> None:
        self.common = common

    @property
    @abstractmethod
    def running(self) -> Sequence[RunningJob]:
        """What was handed over and has not ended."""

    @abstractmethod
    def room(self, *, adaptive: bool) -> int:
        """How many more jobs it takes now.

        Args:
            adaptive: which jobs come next depends on what becomes of these, so it is no use to queue many.
        """

    @abstractmethod
    def start(self, jobs: Sequence[Job]) -> None:
        """Start jobs; what an earlier attempt left is gone on from, or cleared away."""

    @abstractmethod
    def wait(self) -> list[Job]:
        """Those that have ended, at least one; none where nothing runs."""

    @abstractmethod
    def stop(self) -> None:
        """Ask every job to save and stop, end what does not, and note what became of each."""

    def spec(self, job: Job, environment: Mapping[str, str], **settings: Any) -> JobSpec:
        """All that a job's process needs to know but where it runs; ``Job.where`` has the words for that."""
        group = (
            [] if any(w.startswith("group=") for w in job.overrides) else [f"group={quoted(self.common.folder.name)}"]
        )
        return JobSpec(
            words=(*self.common.flags, *job.own_words, *group),
            output=job.output,
            directory=Path.cwd(),
            environment={**environment, **job.environment},
            **settings,
        )


def note_result(job: Job, died: str | None = None) -> None:
    """The job's own record decides what became of it; a job that left none died.

    Args:
        died: how; made from the exit code where it is None.
    """
    result = read_record(job.folder)
    if result is not None and result["status"] != "running" and job.error is None:
        job.status, job.error, job.result = result["status"], result.get("error"), result
        if died and job.status not in ENDED_WELL:
            job.error = f"{died}: {job.error}" if job.error else died
        return
    job.status = "failed"
    job.error = job.error or died or f"the process ended with {_how(job.exit_code or 0)} and left no finished record"
    write_record({**(result or new_record(job.overrides)), "status": "failed", "error": job.error}, job.folder)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
