"""A job on its Ray worker."""

from __future__ import annotations

import os
from dataclasses import replace

import ray  # pyright: ignore[reportMissingImports]

from accel.sweep.supervisor import STOP, RemoteJob, supervise


def work_for_ray(remote_job: RemoteJob) -> int:
    """Run the job; returns the exit code of its process."""
    spec = remote_job.spec_here(os.environ, again=False)
    gpus = [str(gpu) for gpu in ray.get_gpu_ids()]
    return supervise(replace(spec, gpus=gpus), stop=(remote_job.sweep / STOP).exists)
