"""What protects the training data; ``privacy=none`` is the absence of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from accel.technique import Stage, Technique


@dataclass(kw_only=True)
class Privacy(Technique):
    """Base of every option of the group ``privacy``.

    Rules that name this class hold for every private mechanism: see ``accel/rules.py``.
    """

    group: ClassVar[str] = "privacy"
    stage: ClassVar[Stage] = Stage.PRIVATIZE

    def statement(self) -> dict[str, Any]:
        """The guarantee as the record states it (``privacy`` in result.json)."""
        return self.settings()
