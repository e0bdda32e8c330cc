"""Whether a run's files have room on their disks: asked before the first step, told with numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

from accel.core.plan import Plan
from accel.core.shape import Shape
from accel.data.room import shape_of
from accel.errors import RefusedError
from accel.run.baseline import dense_plan

WEIGHT_BYTES, MOMENTS_BYTES = 4, 8
"""Of a weight in a checkpoint or an export, and of what AdamW remembers of one that learns."""
CHECKPOINTS = 2
"""The last one stays until the next one is whole."""
SURE = 0.5
"""Of what is expected: a structure that is removed, or an optimizer that remembers less, may need less."""
GB = 1e9


def check_disk(plan: Plan, folder: Path) -> None:
    """Compare what the run is expected to write with what is free.

    Raises:
        RefusedError: a disk has not even half of it.
    """
    shape = shape_of(plan.model)
    if shape is None:
        return
    _check(folder, written_by(plan, shape), "hydra.run.dir", plan)
    if plan.needs_baseline:
        _check(plan.cache, written_by(dense_plan(plan), shape), "cache", plan)


def written_by(plan: Plan, shape: Shape) -> float:
    """Bytes of checkpoints and of the exported model, at the moment when they are most."""
    weights = WEIGHT_BYTES * shape.num_parameters
    learning = shape.num_parameters * plan.tuning.trained_share(shape)
    remembered = (MOMENTS_BYTES + WEIGHT_BYTES * plan.trainer.kept_models) * learning
    return CHECKPOINTS * (weights + remembered) + weights


def _check(folder: Path, needed: float, key: str, plan: Plan) -> None:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < SURE * needed:
        raise RefusedError(
            f"{key}={folder} has {free / GB:.1f} GB free, and model={plan.model.option_name()} needs about "
            f"{needed / GB:.1f} GB there ({CHECKPOINTS} checkpoints with the optimizer's state, and the model). Make "
            f"room, give a folder on another disk with {key}=FOLDER, or train fewer weights, e.g. tuning=lora."
        )
