"""What is learned: where the examples come from and how a prediction is scored."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.technique import Option

if TYPE_CHECKING:
    from accel.data import Dataset


@dataclass(kw_only=True)
class Task(Option):
    """Base of every option of the group ``task``."""

    group: ClassVar[str] = "task"

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """Read, validate, de-duplicate and split the examples; imports no torch.

        Raises:
            DataError: naming the file, line or column, the reason and the remedy.
        """
