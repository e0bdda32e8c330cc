"""Where a sweep's jobs come from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from accel.errors import RefusedError
from accel.report.record import new_record, write_record
from accel.sweep.record import ENDED_WELL, Job, Sweep


class Source(Protocol):
    """Where a sweep's jobs come from."""

    adaptive: bool
    """Whether what becomes of a job decides which come next."""

    def begin(self, sweep: Sweep, context: Context) -> int:
        """Get ready; returns how many jobs there will be, those that ended before included."""
        ...

    def next(self) -> Job | None:
        """The next job to start; None when there is none, now or at all."""
        ...

    def ended(self, job: Job) -> None:
        """Hear what became of a job."""
        ...


@dataclass(frozen=True)
class Context:
    """What every job of a sweep gets besides its overrides."""

    flags: tuple[str, ...] = ()
    config_dirs: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    @classmethod
    def of_this_process(cls) -> Context:
        """From the command line that started the sweep."""
        from accel.config.arguments import parse

        arguments = parse(sys.argv[1:])
        flags = [f"--config-dir={d}" for d in arguments.config_dirs] + [f"--plugin={p}" for p in arguments.plugins]
        return cls(tuple(flags), arguments.config_dirs, arguments.plugins)

    def accepts(self, words: Sequence[str]) -> bool:
        """Whether a job of these words would not be refused."""
        from accel.plan.decide import check_overrides

        try:
            check_overrides(list(words), self.plugins, self.config_dirs)
        except RefusedError:
            return False
        return True

    def check(self, job: Job) -> None:
        """Compose the job and let its plan object; a refused job is recorded, and will not start."""
        from accel.plan.decide import check_overrides

        try:
            check_overrides(job.overrides, self.plugins, self.config_dirs)
        except RefusedError as error:
            job.status, job.error = "refused", str(error)
            write_record({**new_record(job.overrides), "status": "refused", "error": job.error}, job.folder)


class GridSource:
    """Jobs that are all known from the beginning."""

    adaptive = False

    def __init__(self, overrides: Sequence[Sequence[str]]) -> None:
        self.overrides = overrides
        self.waiting: list[Job] = []

    def begin(self, sweep: Sweep, context: Context) -> int:
        for words in self.overrides:
            job = sweep.job(words)
            if job.status not in ENDED_WELL:
                job.status, job.error = "waiting", None
                context.check(job)
            if job.status == "waiting" and job not in self.waiting:
                self.waiting.append(job)
        return len(sweep.jobs)

    def next(self) -> Job | None:
        return self.waiting.pop(0) if self.waiting else None

    def ended(self, job: Job) -> None:
        del job
