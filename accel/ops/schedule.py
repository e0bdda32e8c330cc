"""Quantities that are pure functions of the step: nothing to save, so a resumed run continues exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def cubic(progress: float) -> float:
    """Fast first and slow at the end, when what is left matters (Zhu & Gupta 2017, arXiv 1710.01878)."""
    return 1.0 - (1.0 - progress) ** 3


def linear(progress: float) -> float:
    """The same amount at each choice."""
    return progress


def one_shot(progress: float) -> float:
    """Everything at the end of the way: scores are collected until then."""
    return float(progress >= 1.0)


SHAPES: Mapping[str, Callable[[float], float]] = {"cubic": cubic, "linear": linear, "one_shot": one_shot}
"""By the name of the setting: from progress in [0, 1] to the share that is done, 0 at 0 and 1 at 1."""


@dataclass(frozen=True)
class Ramp:
    """When something is done, and how much of it."""

    begin_step: int
    end_step: int
    every_steps: int
    """Steps between two choices; the last choice is made at ``end_step`` whatever it is."""
    shape: str = "cubic"

    @classmethod
    def of(cls, total_steps: int, begin: float, end: float, every_steps: int, shape: str) -> Ramp:
        """From shares of all steps; even the shortest run has an end after its beginning."""
        begin_step = int(begin * total_steps)
        return cls(begin_step, max(begin_step + 1, int(end * total_steps)), every_steps, shape)

    def share(self, step: int) -> float:
        """How much is done after ``step`` steps: 0 up to ``begin_step``, 1 from ``end_step`` on."""
        progress = (step - self.begin_step) / (self.end_step - self.begin_step)
        return SHAPES[self.shape](min(1.0, max(0.0, progress)))

    def due(self, step: int) -> bool:
        """Whether a choice is made after this step."""
        between = self.begin_step < step < self.end_step and step % self.every_steps == 0
        return step == self.end_step or (between and self.share(step) > 0)
