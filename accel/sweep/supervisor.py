"""On the machine that a cluster chose for a job: starts its process, passes on the wish to stop, tells how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accel.process.rank_info import TORCH_VARIABLES
from accel.sweep.job_spec import JobSpec
from accel.sweep.record import Job

POLL_S = 0.2
STOP = ".stop"
"""A file in the sweep's folder that lets all its jobs save and stop.

Ray (2.60) aborts its driver when a task that it has cancelled returns all the same, so tasks at work are not cancelled.
"""


@dataclass(frozen=True)
class RemoteJob:
    """A job on its way to another machine."""

    spec: JobSpec
    number: int
    overrides: tuple[str, ...]
    sweep: Path
    resume: bool
    """Whether the attempt before left something to go on from."""

    @classmethod
    def of(cls, job: Job, spec: JobSpec) -> RemoteJob:
        """Make the job's folder ready, and send it off."""
        return cls(spec, job.number, tuple(job.overrides), job.sweep, job.prepare_folder())

    @classmethod
    def from_plain(cls, stated: dict[str, Any]) -> RemoteJob:
        """Of the values that JSON knows."""
        spec, sweep = JobSpec.from_plain(stated.pop("spec")), Path(stated.pop("sweep"))
        return cls(spec=spec, sweep=sweep, **{**stated, "overrides": tuple(stated["overrides"])})

    def spec_here(self, environment: Mapping[str, str], *, again: bool, rank: int = 0) -> JobSpec:
        """The spec for this machine.

        Args:
            environment: of this machine; what the spec brings goes before.
            again: the cluster has stopped the job and starts it once more, which its sweep knows nothing of.
            rank: among the tasks of one run; the first one makes the folder ready for all.
        """
        job = Job(self.number, list(self.overrides), self.sweep)
        resume = self.resume
        if again:
            resume = job.prepare_folder() if rank == 0 else job.can_go_on()
        kept = {k: v for k, v in environment.items() if k not in TORCH_VARIABLES}
        spec = replace(self.spec, environment={**kept, **self.spec.environment})
        return spec.ending_with(job.where(resume=resume))


def supervise(spec: JobSpec, stop: Callable[[], object]) -> int:
    """Run the spec in a process of its own; returns its exit code, negative for a signal.

    Args:
        stop: asked all the time; once it says so, the run is to save and stop.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})  # the run and its ranks must not die of it: they inherit
    command = [sys.executable, "-P", "-m", "accel.sweep.worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
    assert process.stdin is not None
    process.stdin.write(spec.to_json().encode())
    process.stdin.close()
    asked = False
    while process.poll() is None:
        time.sleep(POLL_S)
        if not asked and stop():
            asked = True
            _to_all(process, signal.SIGINT)  # the cluster's own SIGTERM may have come through; a second one would kill
    _to_all(process, signal.SIGKILL)  # ranks or loaders that outlived it
    return process.returncode


def _to_all(process: subprocess.Popen, number: signal.Signals) -> None:
    """To the run and everything it started."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # it has not yet become a group of its own, or has ended
        process.send_signal(number)
