"""Which weights are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.technique import Stage, Technique

if TYPE_CHECKING:
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Tuning(Technique):
    """Base of every option of the group ``tuning``."""

    group: ClassVar[str] = "tuning"
    stage: ClassVar[Stage] = Stage.ADAPT
    trains_body: ClassVar[bool] = True
    """Whether the pretrained weights themselves receive gradients."""

    def trained_share(self, shape: Shape) -> float:
        """About which share of the parameters learns, for the forecast."""
        del shape
        return 1.0 if self.trains_body else 0.0
