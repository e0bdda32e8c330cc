"""Jobs on a Ray cluster, or on a Ray of this machine alone."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from accel.core.extras import needs
from accel.errors import ConfigError, RefusedError
from accel.sweep.job_spec import Common
from accel.sweep.local_pool import GIB
from accel.sweep.pool import STOP_S, Pool, note_result
from accel.sweep.record import Job
from accel.sweep.supervisor import STOP, RemoteJob

OBJECT_STORE_BYTES = 100 * 2**20
"""Of a Ray of this machine alone; jobs hand nothing over but their exit code."""
MANY = 1000
LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class RaySettings:
    """``hydra.launcher``.

    Args:
        address: of a cluster; None takes RAY_ADDRESS, or starts a Ray on this machine for the sweep.
        n_jobs: how many run at a time; None leaves that to Ray, and is refused for a search.
        cores_per_job: what Ray sets aside for each, and how many threads it has.
        gpus_per_job: the same.
        memory_gb: the same, and what each process of a job may allocate.
        timeout_s: a job that takes longer is killed and recorded as failed.
    """

    address: str | None = None
    n_jobs: int | None = None
    cores_per_job: int = 1
    gpus_per_job: float = 0
    memory_gb: float | None = None
    timeout_s: float | None = None

    @property
    def memory_bytes(self) -> int | None:
        """``memory_gb`` in bytes."""
        return None if self.memory_gb is None else int(self.memory_gb * GIB)


@dataclass
class Handed:
    """A job in Ray's hands."""

    job: Job
    result: Any
    """Ray's reference to the exit code."""
    began: float | None = None

    def seconds(self) -> float:
        """Since a worker took it up, as far as is known."""
        if self.began is None and self.job.output.exists():
            self.began = time.monotonic()
        return 0.0 if self.began is None else time.monotonic() - self.began


class RayPool(Pool):
    """``hydra/launcher=ray``.

    Args:
        common: what all jobs have in common.
        settings: what Ray is asked for.

    Raises:
        ConfigError: ray is missing.
        RefusedError: the cluster cannot be reached.
    """

    def __init__(self, common: Common, settings: RaySettings) -> None:
        super().__init__(common)
        self.settings = settings
        self.handed: list[Handed] = []
        (common.folder / STOP).unlink(missing_ok=True)
        needs("ray", "ray", "hydra/launcher=ray")
        self.ray = import_module("ray")
        try:
            self.ray.init(**self._connection())
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise RefusedError(f"hydra/launcher=ray cannot reach a Ray cluster: {lines[0]}") from error

    def _connection(self) -> dict[str, Any]:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        address = self.settings.address or os.environ.get("RAY_ADDRESS")
        if address is not None:
            return {**quiet, "address": address}
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
        return {
            **quiet,
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }

    @property
    def running(self) -> Sequence[Handed]:
        return self.handed

    def room(self, *, adaptive: bool) -> int:
        if adaptive and self.settings.n_jobs is None:
            raise ConfigError(
                "A search learns from the jobs that have ended: say how many may run at a time with "
                "hydra.launcher.n_jobs, e.g. 4."
            )
        return (self.settings.n_jobs or MANY) - len(self.handed)

    def start(self, jobs: Sequence[Job]) -> None:
        from accel.sweep.ray_job import work_for_ray

        asked = self.settings
        task = self.ray.remote(
            num_cpus=asked.cores_per_job,
            num_gpus=asked.gpus_per_job,
            memory=asked.memory_bytes,
            max_retries=0,  # another start would meet the first one saving
        )(work_for_ray)
        for job in jobs:
            spec = self.spec(
                job,
                os.environ,
                lock=self.common.lock,
                threads=asked.cores_per_job,
                memory_bytes=asked.memory_bytes,
            )
            remote_job = RemoteJob.of(job, spec)
            job.status, job.error = "running", None
            self.handed.append(Handed(job, task.remote(remote_job)))

    def wait(self) -> list[Job]:
        while self.handed:
            ended = self._ended()
            if ended:
                return [self._finish(item) for item in ended]
            for item in [item for item in self.handed if self._late(item)]:
                item.job.error = f"killed after hydra.launcher.timeout_s={self.settings.timeout_s}"
                self.ray.cancel(item.result, force=True)
        return []

    def _ended(self) -> list[Handed]:
        """Those that have ended, within a moment: while Ray waits, no signal is heard."""
        try:
            done, _ = self.ray.wait([item.result for item in self.handed], timeout=LOOK_S)
        except SystemError as error:  # Python's wrapping of what a signal's handler raises in Ray's compiled code
            raise error.__cause__ or error from None
        return [item for item in self.handed if item.result in done]

    def _late(self, item: Handed) -> bool:
        return self.settings.timeout_s is not None and item.seconds() > self.settings.timeout_s

    def _finish(self, item: Handed) -> Job:
        self.handed.remove(item)
        job = item.job
        job.seconds = round(item.seconds(), 2)
        died = None
        try:
            job.exit_code = self.ray.get(item.result)
        except Exception as error:
            job.exit_code = None
            died = f"Ray: {(str(error).strip().splitlines() or [''])[0]} ({type(error).__name__})"
        note_result(job, died)
        return job

    def stop(self) -> None:
        if self.handed:
            (self.common.folder / STOP).touch()
        for item in [item for item in self.handed if not item.job.output.exists()]:
            self.ray.cancel(item.result)  # one that begins all the same finds the file
        deadline = time.monotonic() + STOP_S
        while self.handed and time.monotonic() < deadline:
            for item in self._ended():
                self._finish(item) if item.job.output.exists() else self._forget(item)
        self.ray.shutdown()  # ends the workers, and the jobs with them
        for item in list(self.handed):
            self._died(item, f"it did not stop within {STOP_S:.0f} s")

    def _died(self, item: Handed, how: str) -> Job:
        self.handed.remove(item)
        note_result(item.job, how)
        return item.job

    def _forget(self, item: Handed) -> None:
        """It was cancelled before a worker took it up."""
        self.handed.remove(item)
        item.job.status = "waiting"
