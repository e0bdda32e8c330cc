"""What the options have in common that mask more and more along a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from accel.core.compression import Compression
from accel.core.option import Objection

if TYPE_CHECKING:
    from accel.core.plan import Plan
    from accel.ops.schedule import Ramp


class Schedule(Enum):
    """How masking goes on between its beginning and its end."""

    cubic = "cubic"
    linear = "linear"
    one_shot = "one_shot"


@dataclass(kw_only=True)
class Gradual(Compression):
    """Base of every option that masks more and more along a schedule."""

    begin: float = 0.1
    """Where masking starts, as a share of all steps; before it only scores are collected."""
    end: float = 0.6
    """Where the last part is masked, as a share of all steps; the rest recovers."""
    every_steps: int = 10
    """Optimizer steps between two choices."""
    schedule: Schedule = Schedule.cubic
    """cubic: fast first and slow at the end; linear: evenly; one_shot: everything at ``end``."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.begin < self.end <= 1:
            yield Objection(
                f"{self.key}.begin={self.begin}  with  {self.key}.end={self.end}",
                "masking must begin before it ends, both as shares of training in [0, 1]",
                f"{self.key}.begin=0.1 {self.key}.end=0.6",
            )
        if self.every_steps < 1:
            yield self.out_of_range("every_steps", "at least 1", "10")

    @property
    def settled_at(self) -> float:
        return self.end

    def ramp(self, total_steps: int) -> Ramp:
        """When choices are made and how much each takes: a function of the step."""
        from accel.ops.schedule import Ramp

        return Ramp.of(total_steps, self.begin, self.end, self.every_steps, self.schedule.name)
