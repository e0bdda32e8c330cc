"""Jobs on this machine: so many at a time, each a process of its own, forked from one parent that has imported all."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from accel.sweep.job_spec import Common, JobSpec
from accel.sweep.pool import STOP_S, Pool, note_result
from accel.sweep.record import Job
from accel.sweep.worker import PRELOAD, work

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
class JobProcess:
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
            # One that has ended counts as alive until the fork server has passed its exit code on.
            with suppress(ProcessLookupError):
                if self.process.is_alive():
                    os.kill(self.process.pid or 0, number)


class LocalPool(Pool):
    """``hydra/launcher=accel``.

    Args:
        common: what all jobs have in common.
        resources: what they share.
    """

    def __init__(self, common: Common, resources: Resources) -> None:
        super().__init__(common)
        self.resources = resources
        self.at_work: list[JobProcess] = []
        self.context = _context(warm=resources.warm)
        _warm_up(self.context)

    @property
    def running(self) -> Sequence[JobProcess]:
        return self.at_work

    def room(self, *, adaptive: bool) -> int:
        del adaptive
        return self.resources.n_jobs - len(self.at_work)

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            slot = min(set(range(self.resources.n_jobs)) - {r.slot for r in self.at_work})
            spec = self._spec(job, slot, resume=job.prepare_folder())
            job.status = "running"
            process = self.context.Process(target=work, args=(spec,), daemon=False)
            process.start()
            self.at_work.append(JobProcess(job, process, slot))

    def _spec(self, job: Job, slot: int, *, resume: bool) -> JobSpec:
        cores, memory = self.resources.cores(slot), self.resources.memory_gb
        spec = self.spec(
            job,
            os.environ,
            lock=self.common.lock,
            owner=os.getpid(),
            cores=cores,
            threads=len(cores) or None,
            gpus=self.resources.gpus(slot),
            memory_bytes=None if memory is None else int(memory * GIB),
        )
        return spec.ending_with(job.where(resume=resume))

    def wait(self) -> list[Job]:
        """A job that takes too long is ended here."""
        ended: list[Job] = []
        while self.at_work and not ended:
            wait([r.process.sentinel for r in self.at_work], timeout=self._patience())
            for item in list(self.at_work):
                if not item.process.is_alive():
                    ended.append(self._finish(item))
                elif self._late(item):
                    item.signal(signal.SIGKILL)
                    item.job.error = f"killed after hydra.launcher.timeout_s={self.resources.timeout_s}"
        return ended

    def _patience(self) -> float | None:
        limit = self.resources.timeout_s
        return None if limit is None else max(0.02, min(limit - r.seconds() for r in self.at_work))

    def _late(self, item: JobProcess) -> bool:
        return self.resources.timeout_s is not None and item.seconds() > self.resources.timeout_s

    def _finish(self, item: JobProcess) -> Job:
        item.process.join()
        item.signal(signal.SIGKILL)  # ranks or loaders that outlived it
        self.at_work.remove(item)
        item.job.seconds = round(item.seconds(), 2)
        item.job.exit_code = item.process.exitcode
        note_result(item.job)
        return item.job

    def stop(self) -> None:
        for item in self.at_work:
            item.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for item in list(self.at_work):
            item.process.join(max(0.1, deadline - time.monotonic()))
            if item.process.is_alive():
                item.signal(signal.SIGKILL)
            self._finish(item)


def _context(*, warm: bool) -> ForkServerContext | SpawnContext:
    """Where processes come from: a server that has imported the stack, or a fresh interpreter each."""
    if not warm or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    return context


def _warm_up(context: ForkServerContext | SpawnContext) -> None:
    """Let the parent begin to import while the jobs are still being composed."""
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()
