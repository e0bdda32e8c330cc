"""The only place of submitit: it writes the script and calls sbatch. Its pickles are not used."""

from __future__ import annotations

import os
import shlex
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import submitit

from accel.sweep.slurm_files import JobFiles, Submission
from accel.sweep.worker import KEPT


def submit(folder: Path, parameters: Mapping[str, Any], submissions: Sequence[Submission]) -> list[JobFiles]:
    """Queue the jobs, as one array if there are several; the files that each has in the folder.

    Raises:
        Exception: whatever submitit raises when sbatch refuses.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    waiting = [JobFiles(folder, uuid.uuid4().hex) for _ in submissions]
    for files, submission in zip(waiting, submissions, strict=True):
        files.write_submission(submission)
    ids = _queue(folder, parameters, len(submissions))
    queued = [JobFiles(folder, id_) for id_ in ids]
    for files, named in zip(waiting, queued, strict=True):
        files.submission.rename(named.submission)
    return queued


def _queue(folder: Path, parameters: Mapping[str, Any], count: int) -> list[str]:
    executor = submitit.SlurmExecutor(folder)
    executor.update_parameters(**parameters)
    if count > 1:
        executor.parameters["map_count"] = count
    command = shlex.join([sys.executable, "-P", "-u", "-m", "accel.sweep.slurm_job", str(folder)])
    with _outside_of_any_job():
        number = executor._submit_command(command).job_id
    return [f"{number}_{i}" for i in range(count)] if count > 1 else [number]


@contextmanager
def _outside_of_any_job() -> Iterator[None]:
    """A sweep that itself runs in a Slurm job must not pass that job's variables on to sbatch."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with submitit.helpers.clean_env():
        os.environ.update(kept)
        yield
