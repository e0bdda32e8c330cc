"""What the tasks have in common whose labelled texts are in the data file of a package that need not be installed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.option import Objection
from accel.core.task import Task
from accel.data import Dataset
from accel.data.content import Row
from accel.data.examples import Example, Tally, assemble, unique
from accel.data.splits import three_splits
from accel.task._text_file import objections_to_sizes

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class PackagedTexts(Task):
    """Base of tasks of one label for each text, drawn into splits by the text itself."""

    max_length: int = 96
    """Tokens; longer texts are cut, and counted."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""
    test_fraction: float = 0.2

    @abstractmethod
    def examples(self) -> Iterator[Example]:
        """Every row of the package, repeated ones too.

        Raises:
            DataError: the package is not installed.
        """

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)

    def max_tokens(self) -> int:
        return self.max_length

    def rows(self) -> Iterator[Row]:
        return (Row.of(*example.texts, label=example.label) for example in self.examples())

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        found = unique(self.examples(), tally)
        splits = three_splits(found, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return assemble(*splits, tally, f"task={self.option_name()}")
