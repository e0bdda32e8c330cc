"""Jobs at work: so many at a time, each in a process of its own, forked from one parent that has imported the stack."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from accel.report.record import new_record, write_record
from accel.sweep.record import Job, result_of
from accel.sweep.worker import STACK, Order, work

STOP_S = 20.0
"""How long jobs may take to save and stop when they are asked to."""
GIB = 2**30


@dataclass(frozen=True)
class Resources:
    """What the jobs of a sweep share.

    Args:
        n_jobs: how many run at a time.
        timeout_s: a job that takes longer is killed and recorded as failed.
        memory_gb: what each process of a job may allocate; more fails that job with a MemoryError.
        cores_per_job: None shares the machine's cores out evenly.
        gpus_per_job: None shares out the visible GPUs evenly.
        warm: fork jobs from a parent that has imported everything; False starts each afresh.
    """

    n_jobs: int = 1
    timeout_s: float | None = None
    memory_gb: float | None = None
    cores_per_job: int | None = None
    gpus_per_job: int | None = None
    warm: bool = True

    def cores(self, slot: int) -> tuple[int, ...]:
        """Of the job in a slot, its own alone where there are enough for all; none: no limit."""
        if not hasattr(os, "sched_getaffinity") or (self.n_jobs == 1 and self.cores_per_job is None):
            return ()
        every = sorted(os.sched_getaffinity(0))
        return _share(every, self.cores_per_job or max(1, len(every) // self.n_jobs), slot)

    def gpus(self, slot: int) -> tuple[str, ...] | None:
        """Of the job in a slot; None where there is none to share."""
        every = visible_gpus()
        if not every or (self.n_jobs == 1 and self.gpus_per_job is None):
            return None
        return _share(every, self.gpus_per_job or max(1, len(every) // self.n_jobs), slot)


def _share(every: Sequence, size: int, slot: int) -> tuple:
    """``size`` of them; neighbouring slots get others, and after the last the first again."""
    start = slot * size
    return tuple(sorted({every[(start + i) % len(every)] for i in range(min(size, len(every)))}))


def visible_gpus() -> list[str]:
    """Names that CUDA_VISIBLE_DEVICES takes, found without touching CUDA."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=index", "--format=csv,noheader"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return listed.stdout.split() if listed.returncode == 0 else []


@dataclass
class Running:
    """A job that has been started."""

    job: Job
    process: BaseProcess
    slot: int
    start: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.start

    def signal(self, number: signal.Signals) -> None:
        """To the job and everything it started; nothing to a job that is gone."""
        try:
            os.killpg(self.process.pid or 0, number)
        except (ProcessLookupError, PermissionError):  # it has not yet become a group of its own, or has ended
            if self.process.is_alive():
                os.kill(self.process.pid or 0, number)


class Pool:
    """Starts jobs and tells which have ended, and how.

    Args:
        resources: what they may use.
        flags: of the command line, for every job.
        group: the name of the sweep, unless a job has one of its own.
        lock: the file that living jobs hold.
    """

    def __init__(self, resources: Resources, flags: Sequence[str], group: str, lock: Path) -> None:
        self.resources = resources
        self.flags = tuple(flags)
        self.group = group
        self.lock = lock
        self.running: list[Running] = []
        self.context = _context(warm=resources.warm)

    @property
    def has_room(self) -> bool:
        """Whether another job may start."""
        return len(self.running) < self.resources.n_jobs

    def start(self, job: Job) -> None:
        """Start a job in a free slot; what an earlier attempt left is finished or cleared away."""
        slot = min(set(range(self.resources.n_jobs)) - {r.slot for r in self.running})
        resume = job.prepare_folder()
        job.status = "running"
        process = self.context.Process(target=work, args=(self._order(job, slot, resume=resume),), daemon=False)
        process.start()
        self.running.append(Running(job, process, slot))

    def _order(self, job: Job, slot: int, *, resume: bool) -> Order:
        where = [f"resume='{job.folder}'"] if resume else [f"hydra.run.dir='{job.folder}'"]
        group = [] if any(w.startswith("group=") for w in job.overrides) else [f"group='{self.group}'"]
        cores = self.resources.cores(slot)
        memory = self.resources.memory_gb
        return Order(
            words=(*self.flags, *job.own_words, *where, *group),
            output=job.output,
            directory=Path.cwd(),
            environment={**os.environ, **job.environment},
            lock=self.lock,
            owner=os.getpid(),
            cores=cores,
            threads=len(cores) or None,
            gpus=self.resources.gpus(slot),
            memory_bytes=None if memory is None else int(memory * GIB),
        )

    def wait(self) -> list[Job]:
        """Those that have ended, at least one; a job that takes too long is ended here."""
        ended: list[Job] = []
        while self.running and not ended:
            wait([r.process.sentinel for r in self.running], timeout=self._patience())
            for item in list(self.running):
                if not item.process.is_alive():
                    ended.append(self._finish(item))
                elif self._late(item):
                    item.signal(signal.SIGKILL)
                    item.job.error = f"killed after hydra.launcher.timeout_s={self.resources.timeout_s}"
        return ended

    def _patience(self) -> float | None:
        limit = self.resources.timeout_s
        return None if limit is None else max(0.02, min(limit - r.seconds() for r in self.running))

    def _late(self, item: Running) -> bool:
        return self.resources.timeout_s is not None and item.seconds() > self.resources.timeout_s

    def _finish(self, item: Running) -> Job:
        item.process.join()
        item.signal(signal.SIGKILL)  # ranks or loaders that outlived it
        self.running.remove(item)
        item.job.seconds = round(item.seconds(), 2)
        item.job.exit_code = item.process.exitcode
        note_result(item.job)
        return item.job

    def stop(self) -> list[Job]:
        """Ask every job to save and stop, kill what does not; returns them."""
        for item in self.running:
            item.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        ended = []
        for item in list(self.running):
            item.process.join(max(0.1, deadline - time.monotonic()))
            if item.process.is_alive():
                item.signal(signal.SIGKILL)
            ended.append(self._finish(item))
        return ended


def _context(*, warm: bool) -> ForkServerContext | SpawnContext:
    """Where processes come from: a server that has imported the stack, or a fresh interpreter each."""
    if not warm or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([STACK])
    return context


def warm_up(context: ForkServerContext | SpawnContext) -> None:
    """Let the parent begin to import while the jobs are still being composed."""
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()


def note_result(job: Job) -> None:
    """The job's own record decides what became of it; a job that left none died."""
    result = result_of(job.folder)
    if result is not None and result["status"] != "running" and job.error is None:
        job.status, job.error, job.result = result["status"], result.get("error"), result
        return
    job.status = "failed"
    job.error = job.error or f"the process ended with {_how(job.exit_code or 0)} and left no finished record"
    write_record({**(result or new_record(job.overrides)), "status": "failed", "error": job.error}, job.folder)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
