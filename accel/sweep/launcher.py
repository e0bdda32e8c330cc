"""Runs the jobs of a sweep: each a process of its own, so that whatever kills one leaves the others alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accel.errors import ExitCode, RefusedError
from accel.report.record import new_record, write_record
from accel.sweep.record import Job, job_of, read_sweep, result_of, write_sweep

POLL_S = 0.05
STOP_S = 20.0
"""How long jobs may take to save and stop after Ctrl-C."""
RANK_VARIABLES = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "NODE_RANK", "ACCEL_RUN_FOLDER")
SET_BY_SWEEP = ("hydra.sweep.", "hydra.sweeper.", "hydra.launcher", "hydra/launcher", "hydra/sweeper", "sweep.resume")


@dataclass
class Running:
    """A job that has been started."""

    job: Job
    process: subprocess.Popen[bytes]
    start: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.start


@dataclass
class ProcessLauncher:
    """The work behind ``hydra/launcher=accel``.

    Args:
        n_jobs: how many jobs run at a time.
        timeout_s: a job that takes longer is killed and recorded as failed.
    """

    n_jobs: int = 1
    timeout_s: float | None = None

    def setup(self, hydra_context: Any, task_function: Any, config: Any) -> None:
        """What Hydra hands to a launcher."""
        del hydra_context, task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        """Run every job, whatever becomes of the others, and leave sweep.json; returns Hydra's job results."""
        folder = Path(str(self.config.hydra.sweep.dir)).expanduser().absolute()
        context = Context.of_this_process()
        jobs = [Job(initial_job_idx + i, list(words), folder) for i, words in enumerate(job_overrides)]
        run_jobs(jobs, folder, context, n_jobs=self.n_jobs, timeout_s=self.timeout_s)
        return [_hydra_result(job) for job in jobs]


@dataclass(frozen=True)
class Context:
    """What every job of a sweep gets besides its overrides."""

    flags: tuple[str, ...] = ()
    config_dirs: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    @classmethod
    def of_this_process(cls) -> Context:
        """From the command line that started the sweep."""
        from accel.cli import parse

        arguments = parse(sys.argv[1:])
        flags = [f"--config-dir={d}" for d in arguments.config_dirs] + [f"--plugin={p}" for p in arguments.plugins]
        return cls(tuple(flags), arguments.config_dirs, arguments.plugins)


def run_jobs(
    jobs: Sequence[Job], folder: Path, context: Context, *, n_jobs: int = 1, timeout_s: float | None = None
) -> None:
    """Check all jobs, then run those that may run, ``n_jobs`` at a time; sweep.json follows every change."""
    folder.mkdir(parents=True, exist_ok=True)
    finished = {tuple(j["overrides"]): j for j in read_sweep(folder) if j["status"] == "finished"}
    for job in jobs:
        _check(job, context, finished)
    waiting = [job for job in jobs if job.status == "waiting"]
    say(
        f"{len(jobs)} jobs into {folder}: {len(waiting)} to run, {_count(jobs, 'refused')} refused, "
        f"{len(finished)} done before"
    )
    for job in jobs:
        if job.status == "refused":
            say(f"  #{job.number} refused  {job.words}\n      {str(job.error).splitlines()[0]}")
    write_sweep(jobs, folder)
    try:
        _run_all(waiting, jobs, folder, context, n_jobs, timeout_s)
    except KeyboardInterrupt:
        say(f"\nStopped. Finish what is missing with the same command plus sweep.resume={folder}")
        raise
    finally:
        write_sweep(jobs, folder)


def _check(job: Job, context: Context, finished: dict[tuple[str, ...], Any]) -> None:
    """Compose the job and let its plan object, before any job starts; a refused job is recorded and skipped."""
    from accel.plan import check_overrides

    done = finished.get(tuple(job.overrides))
    if done is not None:
        job.status, job.seconds = "finished", done["seconds"]
        return
    try:
        check_overrides(job.overrides, context.plugins, context.config_dirs)
    except RefusedError as error:
        job.status, job.error = "refused", str(error)
        write_record({**new_record(job.overrides), "status": "refused", "error": job.error}, job.folder)


def _run_all(
    waiting: list[Job], jobs: Sequence[Job], folder: Path, context: Context, n_jobs: int, timeout_s: float | None
) -> None:
    waiting = list(waiting)
    running: list[Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < max(1, n_jobs):
                running.append(_start(waiting.pop(0), folder, context))
            time.sleep(POLL_S)
            for item in [r for r in running if _over(r, timeout_s)]:
                running.remove(item)
                _finish(item)
                done = sum(j.status not in ("waiting", "running") for j in jobs)
                say(f"  [{done}/{len(jobs)}] #{item.job.number} {item.job.line()}")
                write_sweep(jobs, folder)
    finally:
        _stop(running)


def _start(job: Job, folder: Path, context: Context) -> Running:
    words = [w for w in job.overrides if not w.lstrip("+~").startswith(SET_BY_SWEEP)]
    group = [] if any(w.startswith("group=") for w in words) else [f"group='{folder.name}'"]
    command = [sys.executable, "-m", "accel", *context.flags, *words, f"hydra.run.dir='{job.folder}'", *group]
    environment = {k: v for k, v in os.environ.items() if k not in RANK_VARIABLES}
    job.status = "running"
    job.prepare_folder()
    with job.output.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True,
        )  # fmt: skip
    return Running(job, process)


def _over(item: Running, timeout_s: float | None) -> bool:
    if item.process.poll() is not None:
        return True
    if timeout_s is not None and item.seconds() > timeout_s:
        _signal(item, signal.SIGKILL)
        item.process.wait()
        item.job.error = f"killed after hydra.launcher.timeout_s={timeout_s}"
        return True
    return False


def _finish(item: Running) -> None:
    """The job's own record decides; a job that left none died."""
    job = item.job
    job.seconds = round(item.seconds(), 2)
    job.exit_code = item.process.returncode
    result = result_of(job.folder)
    if result is not None and result["status"] not in ("running",) and job.error is None:
        job.status, job.error = result["status"], result.get("error")
        job.result = result
        return
    job.status = "failed"
    job.error = job.error or f"the process ended with {_how(item.process.returncode)} and left no finished record"
    write_record({**(result or new_record(job.overrides)), "status": "failed", "error": job.error}, job.folder)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _stop(running: Sequence[Running]) -> None:
    """Ask every job to save and stop; kill what does not."""
    for item in running:
        _signal(item, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    for item in running:
        try:
            item.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(item, signal.SIGKILL)
            item.process.wait()
        _finish(item)


def _signal(item: Running, number: signal.Signals) -> None:
    try:
        os.killpg(item.process.pid, number)
    except ProcessLookupError:
        return


def _count(jobs: Sequence[Job], status: str) -> int:
    return sum(job.status == status for job in jobs)


def exit_code_of(folder: Path) -> ExitCode:
    """4 when a job failed, 2 when none could run, 0 when every job that could run finished."""
    statuses = [job["status"] for job in read_sweep(folder)]
    if any(s not in ("finished", "refused", "pruned") for s in statuses):
        return ExitCode.SOME_JOBS_FAILED
    return ExitCode.REFUSED if statuses and all(s == "refused" for s in statuses) else ExitCode.DONE


def say(text: str) -> None:
    """One line for the terminal, at once."""
    print(text, flush=True)  # noqa: T201 - the command's own output


def _hydra_result(job: Job) -> Any:
    """What Hydra wants to hear of a job."""
    from hydra.core.utils import JobReturn, JobStatus

    result = JobReturn()
    result.overrides, result.working_dir = job.overrides, str(job.folder)
    result.status, result.return_value = JobStatus.COMPLETED, job_of(job)
    return result
