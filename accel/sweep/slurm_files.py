"""What passes between a sweep and its Slurm jobs through a shared folder: JSON, since a pickle could run code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from accel.core.durable import write_durably
from accel.errors import DataError
from accel.sweep.supervisor import RemoteJob

JOB = "job.json"
OTHERS_MAY_WRITE = 0o022


@dataclass(frozen=True)
class Ending:
    """How a job ended, as its sweep hears it."""

    exit_code: int
    restarts: int = 0
    """How often it was requeued before."""
    time_was_up: bool = False
    error: str | None = None
    """Why there was no process that could have ended."""


@dataclass(frozen=True)
class Submission:
    """A job and how often it may go on when its time is up."""

    remote_job: RemoteJob
    timeout_min: int
    timeouts_left: int

    def to_json(self) -> str:
        """For the node that Slurm will choose."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Submission:
        """What ``to_json`` made."""
        stated = json.loads(text)
        return cls(RemoteJob.from_plain(stated.pop("remote_job")), **stated)

    def after_a_timeout(self) -> Submission:
        """What is left to it."""
        return replace(self, timeouts_left=self.timeouts_left - 1)


@dataclass(frozen=True)
class JobFiles:
    """The files of one job in the folder of its submission.

    Args:
        id: Slurm's number; "12_3" in an array.
    """

    folder: Path
    id: str

    @classmethod
    def here(cls, folder: Path, environment: Mapping[str, str]) -> JobFiles:
        """Of the job that runs this process."""
        array = environment.get("SLURM_ARRAY_JOB_ID")
        number = environment["SLURM_ARRAY_TASK_ID"] if array else ""
        return cls(folder, f"{array}_{number}" if array else environment["SLURM_JOB_ID"])

    @property
    def submission(self) -> Path:
        """What is to be run."""
        return self.folder / f"{self.id}_{JOB}"

    @property
    def errors(self) -> Path:
        """What the first task and Slurm wrote to stderr."""
        return self.folder / f"{self.id}_0_log.err"

    def ending(self, task: int = 0) -> Path:
        """How a task ended; of a run on several nodes, the first one alone decides."""
        return self.folder / f"{self.id}_{task}_ending.json"

    def write_submission(self, submission: Submission) -> None:
        """Leave what is to be run."""
        write_durably(self.submission, submission.to_json())
        self.submission.chmod(0o600)  # it has the environment of the command

    def read_submission(self) -> Submission:
        """What is to be run.

        Raises:
            DataError: somebody else could have written it: it names a program's whole environment.
        """
        found = self.submission.stat()
        if found.st_uid != os.geteuid() or found.st_mode & OTHERS_MAY_WRITE:
            raise DataError(f"{self.submission} may be written by others than you, so it is not run.")
        return Submission.from_json(self.submission.read_text("utf8"))

    def write_ending(self, ending: Ending, task: int) -> None:
        """Tell the sweep."""
        write_durably(self.ending(task), json.dumps(asdict(ending)))

    def read_ending(self) -> Ending:
        """What the first task told; a file that holds something else is told as an error."""
        try:
            return Ending(**json.loads(self.ending().read_text("utf8")))
        except (OSError, ValueError, TypeError) as error:
            return Ending(1, error=f"{self.ending()} cannot be read ({error})")
