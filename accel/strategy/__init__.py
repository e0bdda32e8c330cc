"""How the work is spread over processes and devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.technique import Stage, Technique


@dataclass(kw_only=True)
class Strategy(Technique):
    """Base of every option of the group ``strategy``."""

    group: ClassVar[str] = "strategy"
    stage: ClassVar[Stage] = Stage.DISTRIBUTE

    def num_processes(self) -> int:
        """How many processes train together."""
        return 1
