"""A learning rate that finds itself: a range test on a copy, before anything is trained.

Smith 2017 (arXiv 1506.01186): the rate rises from step to step until the loss does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from accel.core.durable import write_durably
from accel.core.plan import Plan
from accel.data.prepared import Prepared
from accel.errors import DataError
from accel.run.rehearsal import Rehearsal

if TYPE_CHECKING:
    from accel.core.console import Console
    from accel.run.state import RunState

KEPT = "learning_rate.json"
"""In the run's folder: what was found, for a run that goes on."""
LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
MEMORY = 0.9
"""Of the running mean of the loss."""
TOO_HIGH = 2.0
"""Times the lowest mean: here the test ends."""
BELOW = 10.0
"""How far below the rate of the lowest loss is gone, where the loss falls without being near its rise."""
LEAST_FALL = 0.02
"""Of the first loss; less is no fall."""

Curve = Sequence[tuple[float, float]]
"""(learning rate, running mean of the loss), as the rate rises."""


def with_found_rate(run: RunState, data: Prepared, console: Console) -> None:
    """Give the run's plan a learning rate in place of the wish to find one, and note it; nothing without the wish.

    Raises:
        DataError: no rate lowers the loss.
    """
    if not run.plan.trainer.wants_learning_rate:
        return
    curve = [] if run.resume or not run.leads else _tried(run, data)
    found = float(run.ranks.agree("learning rate", _found(run, curve) if run.leads else ""))
    run.plan = _with(run.plan, found)
    if run.resume or not run.leads:
        return
    repeat = [f"trainer.learning_rate={found:g}"]
    run.record["found"] = {**(run.record.get("found") or {}), "learning_rate": found, "curve": curve, "repeat": repeat}
    write_durably(run.folder / KEPT, json.dumps({"learning_rate": found}))
    console.say(
        f"\nLearning rate: {found:g}, a tenth of where the loss was lowest in {len(curve)} steps with a rising rate.\n"
        f"The same without a search: {' '.join(repeat)}"
    )


def _tried(run: RunState, data: Prepared) -> list[tuple[float, float]]:
    with run.timed("learning rate"), torch.random.fork_rng():
        return tried(plan_of_test(run.plan), data)


def _found(run: RunState, curve: Curve) -> str:
    kept = json.loads((run.folder / KEPT).read_text("utf8"))["learning_rate"] if run.resume else suggested(curve)
    return repr(kept)


def plan_of_test(plan: Plan) -> Plan:
    """The model, its tuning and the task alone: what a technique does later in training has no loss to fall yet.

    A step has the batches of all processes, one after the other.
    """
    trainer = replace(plan.trainer, accumulate=plan.trainer.accumulate * plan.strategy.num_shares())
    return _with(replace(plan, trainer=trainer, compression=()), LOWEST)


def _with(plan: Plan, rate: float) -> Plan:
    return replace(plan, trainer=plan.trainer.with_learning_rate(rate))


def tried(plan: Plan, data: Prepared) -> list[tuple[float, float]]:
    """The loss at each rate, on a model that is thrown away."""
    rehearsal = Rehearsal(plan, data)
    groups = rehearsal.optimizer.param_groups
    shares = [group["lr"] / max(group["lr"] for group in groups) for group in groups]

    def step(rate: float) -> float:
        for group, share in zip(groups, shares, strict=True):
            group["lr"] = rate * share
        return rehearsal.step()

    return curve_of(step)


def curve_of(step: Callable[[float], float]) -> list[tuple[float, float]]:
    """The running mean of the loss while the rate rises, up to where it has grown or is no number.

    Args:
        step: takes one step at a rate and gives the loss before it.
    """
    found: list[tuple[float, float]] = []
    mean = 0.0
    for number in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (number / (STEPS - 1))
        mean = MEMORY * mean + (1 - MEMORY) * step(rate)
        smooth = mean / (1 - MEMORY ** (number + 1))
        if not math.isfinite(smooth) or (found and smooth > TOO_HIGH * min(loss for _, loss in found)):
            break
        found.append((rate, smooth))
    return found


def suggested(curve: Curve) -> float:
    """A tenth of the rate at which the loss was lowest, in two digits.

    Raises:
        DataError: the loss did not fall.
    """
    best, lowest = min(curve, key=lambda point: point[1]) if curve else (0.0, math.inf)
    if not curve or lowest > (1 - LEAST_FALL) * curve[0][1]:
        raise DataError(
            "trainer.learning_rate=null found no learning rate at which the loss falls. Look at the labels (accel data "
            "FILE --suspects), or give one: trainer.learning_rate=1e-4."
        )
    return float(f"{best / BELOW:.1e}")
