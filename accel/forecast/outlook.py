"""The forecast of a plan: will it fit, how fast will it be, and what more ranks would give. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accel.core.plan import Plan
from accel.core.shape import Shape
from accel.errors import DataError
from accel.forecast.device import Device
from accel.forecast.spread import Spread
from accel.forecast.steps import Pace, StepTime, step_time
from accel.forecast.work import Work
from accel.strategy.ddp import Ddp
from accel.strategy.fsdp import Fsdp
from accel.strategy.single import Single
from accel.trainer import Precision

RANKS = (1, 2, 8, 64, 512)
FREE_SHARE = 0.92
"""Of a device's memory: the rest goes to the runtime and to fragmentation."""


@dataclass(frozen=True)
class Room:
    """What one rank would hold under a strategy."""

    strategy: str
    ranks: int
    state_bytes: float
    passing_bytes: float
    fits: bool

    @property
    def bytes(self) -> float:
        return self.state_bytes + self.passing_bytes


@dataclass(frozen=True)
class Outlook:
    """Memory by strategy, and time by number of ranks under the plan's own."""

    work: Work
    device: Device
    rooms: list[Room]
    times: list[StepTime]


def outlook(plan: Plan, device: Device, pace: Pace | None = None) -> Outlook:
    """Forecast a plan.

    Args:
        pace: measured on this machine; by default computation follows from the device's constants.

    Raises:
        DataError: the model's sizes cannot be known without a download.
    """
    work = work_of(plan)
    ranks = max(2, plan.strategy.num_processes())
    rooms = [_room(name, spread, work, device, ranks) for name, spread in _alternatives(plan)]
    spread = plan.strategy.spread()
    many = sorted({*RANKS, plan.strategy.num_processes()})
    return Outlook(work, device, rooms, [step_time(work, spread, device, p, pace) for p in many])


def work_of(plan: Plan) -> Work:
    """One optimizer step of the plan.

    Raises:
        DataError: the model's sizes cannot be known without a download.
    """
    shape = _shape(plan)
    trainer = plan.trainer
    length = plan.task.max_tokens()
    return Work(
        shape=shape,
        trained_share=plan.tuning.trained_share(shape),
        tokens=trainer.batch_tokens or (trainer.batch_size or 1) * length,
        accumulate=trainer.accumulate,
        sequence_length=length,
        product_bytes=4 if trainer.precision is Precision.fp32 else 2,
        checkpointing=bool({**plan.strategy.settings(), **trainer.settings()}.get("activation_checkpointing")),
    )


def _shape(plan: Plan) -> Shape:
    shape = plan.model.shape()
    if shape is None:
        raise DataError(
            f"model={plan.model.option_name()}: its sizes are in a config.json that is not on this machine. Run once "
            f"with a network, or use model=local model.path=FOLDER with that file alone."
        )
    return shape


def _alternatives(plan: Plan) -> Iterator[tuple[str, Spread]]:
    """Every strategy there is, the plan's own with its settings."""
    own = plan.strategy
    for option in (Single(), Ddp(), Fsdp()):
        chosen = own if type(own) is type(option) else option
        yield chosen.option_name(), chosen.spread()


def _room(name: str, spread: Spread, work: Work, device: Device, ranks: int) -> Room:
    count = 1 if name == Single().option_name() else ranks
    state = work.state_bytes * spread.state_share(work, count)
    passing = spread.passing_bytes(work, count)
    return Room(name, count, state, passing, state + passing <= FREE_SHARE * device.memory_bytes)


def as_record(found: Outlook) -> Mapping[str, Any]:
    """Plain values, for JSON."""
    return {
        "device": found.device.name,
        "memory": [{"strategy": r.strategy, "ranks": r.ranks, "bytes": r.bytes, "fits": r.fits} for r in found.rooms],
        "steps": [
            {"ranks": t.ranks, "step_s": t.total_s, "tokens_per_s": t.tokens_per_s, "limit": t.limit}
            for t in found.times
        ],
    }
