"""What the user sees of a sweep: one line per job that ended, and on a terminal a bar for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from accel.core.console import rich_console

if TYPE_CHECKING:
    from accel.sweep.job_spec import RunningJob
    from accel.sweep.record import Job, Sweep


def say(text: str) -> None:
    """One line for the terminal, at once."""
    print(text, flush=True)  # noqa: T201 - the command's own output


class SweepProgress:
    """Lines above, the bar below; without a terminal, lines alone."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.console = rich_console(soft_wrap=True)
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("", total=total)
        self.told: set[int] = set()

    def __enter__(self) -> SweepProgress:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def refused(self, sweep: Sweep) -> None:
        """Two lines for each job that was refused since the last time: what it was, and why."""
        for job in sweep.jobs:
            if job.status == "refused" and job.number not in self.told:
                self.told.add(job.number)
                reason = str(job.error).splitlines()[0]
                self.console.print(f"  #{job.number} refused  {job.words}\n      {reason}", markup=False)

    def show(self, sweep: Sweep, running: Sequence[RunningJob]) -> None:
        """How far the whole is, and which jobs run now."""
        now = ", ".join(f"#{item.job.number}" for item in running)
        self.bar.update(self.task, completed=_done(sweep), description=f"running {now}" if now else "")

    def ended(self, job: Job, sweep: Sweep) -> None:
        """One line: what became of a job, and where its log is if it failed."""
        text = f"  [{_done(sweep)}/{self.total}] #{job.number} {job.line(sweep.common_words())}"
        self.console.print(text, markup=False)


def _done(sweep: Sweep) -> int:
    return sum(job.ended for job in sweep.jobs)
