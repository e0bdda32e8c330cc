"""What protects the training data; ``privacy=none`` is the absence of one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from accel.technique import Stage, Technique


@dataclass(kw_only=True)
class Privacy(Technique):
    """Base of every option of the group ``privacy``.

    Rules that name this class hold for every private mechanism: see ``accel/rules.py``.
    """

    group: ClassVar[str] = "privacy"
    stage: ClassVar[Stage] = Stage.PRIVATIZE

    public_task: str | None = None
    """A task with public data and the same labels on which the model is trained first, without privacy; cached."""

    @abstractmethod
    def steps(self, num_examples: int) -> int:
        """Optimizer steps per pass over the training split: a private batch is not a trainer's batch."""

    @abstractmethod
    def statement(self, folder: Path) -> dict[str, Any]:
        """The guarantee of the run in ``folder`` as the record states it (``privacy`` in result.json)."""
