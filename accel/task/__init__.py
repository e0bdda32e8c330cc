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

    def source(self) -> str:
        """What the examples are called in a model trained on them; never a digest, which would confirm a guess."""
        return self.option_name()

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """Read, validate, de-duplicate and split the examples; imports no torch.

        Raises:
            DataError: naming the file, line or column, the reason and the remedy.
        """
