"""What is learned: where the examples come from and how a prediction is scored."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from accel.data.content import Content, Row
from accel.technique import Objection, Option

if TYPE_CHECKING:
    from accel.data import Dataset
    from accel.objective import Objective
    from accel.plan import Plan

CAUSAL_FAMILIES = ("gpt2", "llama", "mistral", "qwen2", "qwen3")
"""Architectures that predict each token from those before it."""


@dataclass(kw_only=True)
class Task(Option):
    """Base of every option of the group ``task``."""

    group: ClassVar[str] = "task"

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
            labels = [dataset.label_names[label] for label in split.labels] or [""] * len(split)
            yield from (Row.of(*texts, label=label) for texts, label in zip(split.texts, labels, strict=True))

    @abstractmethod
    def max_tokens(self) -> int:
        """How long an example may be for the model."""

    def predicts(self) -> type[Objective]:
        """The kind of objective, known before the data is: one of the labels, unless the task says otherwise."""
        from accel.objective import Classification

        return Classification

    def objective(self, dataset: Dataset) -> Objective:
        """What is predicted of the examples."""
        return self.predicts().for_labels(dataset.label_names)

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """Read, validate, de-duplicate and split the examples; imports no torch.

        Raises:
            DataError: naming the file, line or column, the reason and the remedy.
        """


@dataclass(frozen=True)
class _Named:
    """A task by its settings, which decide what its data is."""

    settings: str
    task: Task = field(compare=False)


@lru_cache(maxsize=8)
def _content(named: _Named, secret: bytes) -> Content:
    return Content.of(named.task.rows(), secret)


@dataclass(kw_only=True)
class LanguageTask(Task):
    """Base of every task whose documents a language model learns to continue."""

    block_length: int = 256
    """Tokens; a longer document is cut into several blocks, and no block holds parts of two documents."""
    validation_fraction: float = 0.05
    """Of the documents that are left after the test split."""
    test_fraction: float = 0.05

    def max_tokens(self) -> int:
        return self.block_length

    def predicts(self) -> type[Objective]:
        from accel.objective import LanguageModelling

        return LanguageModelling

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if not 8 <= self.block_length <= 100_000:
            yield self.out_of_range("block_length", "at least 8 tokens", "256")
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                yield self.out_of_range(name, "between 0 and 1: a share of the documents", "0.05")
        family = plan.model.family()
        if family is not None and family not in CAUSAL_FAMILIES:
            yield Objection(
                f"task={self.option_name()}  with a {family} model",
                f"a language model must predict each token from those before it, and a {family} does not",
                "model=smollm2, or another of " + ", ".join(CAUSAL_FAMILIES),
            )
