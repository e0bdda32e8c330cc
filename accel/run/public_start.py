"""Weights that have seen public data of the same kind, for a private run to begin with.

Noise hides what few records say, so the less there is left to learn from them the better: Li et al. 2022 (arXiv
2110.05679). The public training is an ordinary dense baseline, of another task, and is kept like one.
"""

from __future__ import annotations

from collections.abc import Callable
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
    from accel.data import Dataset
    from accel.data.prepared import Prepared
    from accel.objective.scores import Report


def from_public_task(
    plan: Plan,
    name: str,
    private: Dataset,
    console: Console,
    scorer: Callable[[Prepared], Callable[[Any], Report]],
) -> Plan:
    """The plan with weights that were trained on a public task.

    Args:
        private: the data that the plan is for.
        scorer: makes what scores a model on prepared data.

    Raises:
        DataError: the public task predicts something else, such as other labels.
    """
    task = build(compose([f"task={name}"]).task, Task, "task", name=name)
    public = dense_plan(replace(plan, task=task, trainer=plan.trainer.for_public_task()))
    dataset = task.load(plan.seed)
    found, asked = task.objective(dataset), plan.task.objective(private)
    if found != asked:
        raise DataError(
            f"privacy.public_task={name} is {found.name} with the labels {list(found.label_names)}, and the private "
            f"task is {asked.name} with {list(asked.label_names)}. Give a public task with the same labels."
        )
    console.say(f"\nPublic start: the model is trained on {name} first, without privacy.")
    data = prepare(dataset, public)
    dense = baseline(public, data, console, scorer(data))
    return replace(plan, model=Local(path=str(dense.folder)))
