"""What is learned: where the examples come from and how a prediction is scored."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.metric import OF_CLASSES, Metric
from accel.core.option import Option
from accel.data.content import Content, Row

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.data import Dataset


@dataclass(kw_only=True)
class Task(Option):
    """Base of every option of the group ``task``."""

    group: ClassVar[str] = "task"
    can_calibrate: ClassVar[bool] = True
    """Whether a prediction is a probability for each of some labels, which one temperature can correct."""

    may_be_known: ClassVar[bool] = False
    """Whether a pretrained model may do it before it is taught, so that its figures stand beside the trained one's."""
    may_show_texts: ClassVar[bool] = True
    """Whether a page may show examples of its texts to whoever opens it."""

    def source(self) -> str:
        """What the examples are called in a model trained on them; never a digest, which would confirm a guess."""
        return self.option_name()

    def content(self, secret: bytes) -> Content:
        """What its data consists of, in any split, to whoever has the secret.

        Raises:
            DataError: it cannot be read.
        """
        return _content(_Named(repr(self), self), secret)

    def rows(self) -> Iterator[Row]:
        """Everything that may be learned from, without any order."""
        dataset = self.load(0)
        for split in (dataset.train, dataset.validation, dataset.test):
            labels = [dataset.said(label) for label in split.labels] or [""] * len(split)
            yield from (Row.of(*texts, label=label) for texts, label in zip(split.texts, labels, strict=True))

    def has_owners(self) -> bool:
        """Whether the examples say whose they are; not by default."""
        return False

    @abstractmethod
    def max_tokens(self) -> int:
        """How long an example may be for the model."""

    def predicts(self) -> type[Objective]:
        """The kind of objective, known before the data is: one of the labels, unless the task says otherwise."""
        from accel.objective.classification import Classification

        return Classification

    def metrics(self) -> tuple[Metric, ...]:
        """What its predictions are scored by, the quality first; a task of accel's own knows it without torch."""
        return OF_CLASSES if self.gives_one_label else self.predicts().metrics

    @property
    def gives_one_label(self) -> bool:
        """Whether an example has one of the labels, as far as that is known without torch."""
        return type(self).predicts is Task.predicts

    def objective(self, dataset: Dataset) -> Objective:
        """What is predicted of the examples."""
        return self.predicts().for_labels(dataset.label_names)

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """Read, validate, de-duplicate and split the examples; imports no torch.

        Raises:
            DataError: naming the file, line or column, the reason and the remedy.
        """


@dataclass(kw_only=True)
class TokenTask(Task):
    """A trait: an example has many predictions, one for each token or word."""


@dataclass(kw_only=True)
class GroupedTask(Task):
    """A trait: figures are compared between groups of examples, to see whom a model fails."""

    group: Any = field(default_factory=lambda: None)  # type: ignore[misc] - a class's own, by type(task).group, stays
    """A column, or a list of them, by whose values figures are compared."""

    def group_columns(self) -> list[str]:
        """Those of ``group``."""
        asked = self.group if isinstance(self.group, list | tuple) else [self.group]
        return [str(name) for name in asked if name is not None]


@dataclass(frozen=True)
class _Named:
    """A task by its settings, which decide what its data is."""

    settings: str
    task: Task = field(compare=False)


@lru_cache(maxsize=8)
def _content(named: _Named, secret: bytes) -> Content:
    return Content.of(named.task.rows(), secret)
