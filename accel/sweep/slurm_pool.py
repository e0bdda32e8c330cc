"""Jobs on a Slurm cluster, submitted by submitit and watched without accounting."""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accel.core.extras import needs
from accel.errors import ConfigError, RefusedError
from accel.sweep.job_spec import Common
from accel.sweep.pool import Pool, note_result
from accel.sweep.progress import say
from accel.sweep.record import Job
from accel.sweep.slurm_files import JOB, JobFiles, Submission
from accel.sweep.slurm_queue import GONE, OVER, states_of
from accel.sweep.slurm_settings import MAX_ARRAY, SlurmSettings
from accel.sweep.supervisor import RemoteJob

FOLDER = ".slurm"
LOOK_S = 0.5
SETTLE_S = 5.0
"""A job that ended may leave its word so much later on another machine's view of a shared folder."""
STOP_S = 90.0
"""Longer than Slurm's usual KillWait, in which running jobs save."""


@dataclass
class Queued:
    """A job in Slurm's hands."""

    job: Job
    files: JobFiles
    state: str = "PENDING"
    began: float | None = None
    over_since: float | None = None

    def hear(self, state: str) -> None:
        """What the queue says of it now."""
        now = time.monotonic()
        self.state = state
        if state == "RUNNING" and self.began is None:
            self.began, self.job.status = now, "running"
        if state not in OVER and state != GONE:
            self.over_since = None
        elif self.over_since is None:
            self.over_since = now

    @property
    def never_began(self) -> bool:
        """Whether no node has taken it up."""
        return self.began is None and not self.left_word and not self.job.output.exists()

    @property
    def left_word(self) -> bool:
        """Whether the job itself told how it ended."""
        return self.files.ending().exists()

    @property
    def has_ended(self) -> bool:
        """By its own word, or because Slurm has had it over for a while."""
        return self.left_word or (self.over_since is not None and time.monotonic() - self.over_since > SETTLE_S)


class SlurmPool(Pool):
    """``hydra/launcher=submitit_slurm``.

    Jobs outlive a sweep that is killed; one that goes on in the same folder finds them by their name.

    Args:
        common: what all jobs have in common.
        settings: what Slurm is asked for.

    Raises:
        ConfigError: submitit or Slurm's programs are missing.
    """

    def __init__(self, common: Common, settings: SlurmSettings) -> None:
        super().__init__(common)
        self.settings = settings
        self.name = f"{settings.name}-{hashlib.sha256(str(common.folder).encode()).hexdigest()[:8]}"
        _check_programs()
        sessions = common.folder / FOLDER  # one for each: Slurm may use a job's number again
        self.session = sessions / str(len(list(sessions.glob("*"))))
        self.queued: list[Queued] = []
        self.adoptable = {q.job.number: q for q in self._alive()}
        self.asked = time.monotonic()

    def _alive(self) -> Iterator[Queued]:
        """The jobs of an earlier sweep of this folder that Slurm still has."""
        folder = self.common.folder
        if not (folder / FOLDER).is_dir():
            return
        states = states_of(self.name)
        if states is None:
            raise RefusedError("Slurm does not answer, and jobs of this sweep may be in its queue. Try again later.")
        for id_, state in states.items():
            files = sorted((folder / FOLDER).glob(f"*/{id_}_{JOB}"), key=os.path.getmtime)
            if state in OVER or not files:
                continue
            found = JobFiles(files[-1].parent, id_)
            remote_job = found.read_submission().remote_job
            item = Queued(Job(remote_job.number, list(remote_job.overrides), folder), found)
            item.hear(state)
            yield item

    @property
    def running(self) -> Sequence[Queued]:
        return self.queued

    def room(self, *, adaptive: bool) -> int:
        if not adaptive:
            return 0 if self.queued else MAX_ARRAY  # a second array would have a parallelism of its own
        if self.settings.array_parallelism is None:
            raise ConfigError(
                "A search learns from the jobs that have ended: say how many may run at a time with "
                "hydra.launcher.array_parallelism, e.g. 4."
            )
        return self.settings.array_parallelism - len(self.queued)

    def start(self, jobs: Sequence[Job]) -> None:
        new = []
        for job in jobs:
            adopted = self.adoptable.pop(job.number, None)
            if adopted is None:
                new.append(job)
                continue
            adopted.job = job
            self._take(adopted)
        if new:
            self._submit(new)

    def _submit(self, jobs: Sequence[Job]) -> None:
        from accel.sweep.slurm_submit import submit

        minutes, again = self.settings.timeout_min, self.settings.max_num_timeout
        asked = [Submission(RemoteJob.of(job, self.spec(job, {})), minutes, again) for job in jobs]
        try:
            queued = submit(self.session, self.settings.parameters(self.name), asked)
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            raise RefusedError(f"Slurm does not take the jobs: {lines[-1].strip()}") from error
        for job, files in zip(jobs, queued, strict=True):
            self._take(Queued(job, files))

    def _take(self, item: Queued) -> None:
        item.job.cluster_job = item.files.id
        item.job.status, item.job.error, item.job.exit_code = "waiting", None, None
        self.queued.append(item)
        item.hear(item.state)

    def wait(self) -> list[Job]:
        while self.queued:
            if time.monotonic() - self.asked > self.settings.poll_s:
                self._ask()
            ended = [item for item in self.queued if item.has_ended]
            if ended:
                return [self._finish(item) for item in ended]
            time.sleep(LOOK_S)
        return []

    def _ask(self) -> None:
        """No answer is no news: Slurm's controller may be away for a while, and jobs run on."""
        self.asked = time.monotonic()
        states = states_of(self.name)
        if states is not None:
            for item in self.queued:
                item.hear(states.get(item.files.id, GONE))

    def _finish(self, item: Queued) -> Job:
        self.queued.remove(item)
        job = item.job
        job.seconds = 0.0 if item.began is None else round(time.monotonic() - item.began, 2)
        note_result(job, self._died(item))
        return job

    def _died(self, item: Queued) -> str | None:
        """What else than the run itself ended the job, if anything."""
        job, id_ = item.job, item.files.id
        if not item.left_word:
            return f"Slurm job {id_} ended as {item.state}{self._last_word(item)}"
        ending = item.files.read_ending()
        if ending.error is not None:
            return f"Slurm job {id_} failed: {ending.error.strip().splitlines()[-1]}"
        job.exit_code, job.restarts = ending.exit_code, ending.restarts
        if ending.time_was_up:
            job.error = f"Slurm job {id_} reached hydra.launcher.timeout_min={self.settings.timeout_min}"
        return None

    def _last_word(self, item: Queued) -> str:
        """What Slurm itself wrote about the job's end."""
        try:
            lines = item.files.errors.read_text("utf8", "replace").splitlines()
        except OSError:
            return f". It printed nothing: is {self.common.folder} on a file system that all nodes share?"
        errors = [line.partition("error: ")[2] for line in lines if "slurmstepd" in line and "***" not in line]
        return f" ({errors[-1]})" if errors else ""

    def stop(self) -> None:
        if not self.queued:
            return
        say(f"Cancelling the {len(self.queued)} jobs that Slurm still has; those that run save first.")
        subprocess.run(["scancel", f"--name={self.name}", f"--user={getpass.getuser()}"], check=False)
        deadline = time.monotonic() + STOP_S
        while self.queued and time.monotonic() < deadline:
            self._ask()
            for item in [item for item in self.queued if item.has_ended]:
                self._forget(item) if item.never_began else self._finish(item)
            time.sleep(LOOK_S)

    def _forget(self, item: Queued) -> None:
        """It was cancelled while it waited, so it waits still."""
        self.queued.remove(item)
        item.job.cluster_job = None


def _check_programs() -> None:
    needs("submitit", "slurm", "hydra/launcher=submitit_slurm")
    missing = [name for name in ("sbatch", "srun", "squeue", "scancel") if shutil.which(name) is None]
    if missing:
        raise ConfigError(
            f"hydra/launcher=submitit_slurm needs Slurm's programs, and {', '.join(missing)} cannot be found. "
            f"Start the sweep on a machine of the cluster, or leave hydra/launcher out to run it here."
        )
