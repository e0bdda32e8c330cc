"""A job on its Ray worker."""

from __future__ import annotations

import os
from dataclasses import replace

import ray  # pyright: ignore[reportMissingImports]

from accel.sweep.supervisor import STOP, Errand, supervise


def work_for_ray(errand: Errand) -> int:
    """Run the job; returns the exit code of its process."""
    order = errand.order_here(os.environ, again=False)
    gpus = [str(gpu) for gpu in ray.get_gpu_ids()]
    return supervise(replace(order, gpus=gpus), stop=(errand.sweep / STOP).exists)
