"""What makes the model smaller or faster; any number of these compose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.technique import Technique


@dataclass(kw_only=True)
class Compression(Technique):
    """Base of every option of the group ``compression``."""

    group: ClassVar[str] = "compression"
    changes_model: ClassVar[bool] = True

    @property
    def key(self) -> str:
        return f"{self.group}.{self.option_name()}"
