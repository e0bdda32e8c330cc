"""Weights that have seen public data of the same kind, for a private run to begin with.

Noise hides what few records say, so the less there is left to learn from them the better: Li et al. 2022 (arXiv
2110.05679). The public training is an ordinary dense baseline, of another task, and is kept like one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from accel.config.build import build
from accel.config.compose import compose
from accel.core.task import Task
from accel.data.prepared import prepare
from accel.errors import DataError
from accel.model.local import Local
from accel.run.baseline import baseline, dense_plan

if TYPE_CHECKING:
    from accel.core.console import Console
    from accel.core.plan import Plan
    from accel.data.prepared import Prepared
    from accel.objective.scores import Report


def from_public_task(
    plan: Plan,
    name: str,
    label_names: Sequence[str],
    console: Console,
    scorer: Callable[[Prepared], Callable[[Any], Report]],
) -> Plan:
    """The plan with weights that were trained on a public task.

    Args:
        label_names: of the private task.
        scorer: makes what scores a model on prepared data.

    Raises:
        DataError: the public task has other labels.
    """
    task = build(compose([f"task={name}"]).task, Task, "task", name=name)
    public = dense_plan(replace(plan, task=task, trainer=plan.trainer.for_public_task()))
    dataset = task.load(plan.seed)
    if dataset.label_names != list(label_names):
        raise DataError(
            f"privacy.public_task={name} has the labels {dataset.label_names}, and the private task has "
            f"{list(label_names)}. Give a public task with the same labels."
        )
    console.say(f"\nPublic start: the model is trained on {name} first, without privacy.")
    data = prepare(dataset, public)
    found = baseline(public, data, console, scorer(data))
    return replace(plan, model=Local(path=str(found.folder)))
