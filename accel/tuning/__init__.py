"""Which weights are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.technique import Stage, Technique


@dataclass(kw_only=True)
class Tuning(Technique):
    """Base of every option of the group ``tuning``."""

    group: ClassVar[str] = "tuning"
    stage: ClassVar[Stage] = Stage.ADAPT
    trains_body: ClassVar[bool] = True
    """Whether the pretrained weights themselves receive gradients."""
