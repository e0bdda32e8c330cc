"""What the tasks have in common whose texts, or pairs of texts, stand in a user's file with what to predict of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.option import Objection
from accel.core.task import Task
from accel.data.columns import owned, stratified
from accel.data.content import Content, ContentQuery, content_of_file
from accel.data.examples import Example, Tally, relocated, unique
from accel.data.read_table import read_table
from accel.data.splits import Splits, drawn
from accel.data.table import Table

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class TextFile(Task):
    """Base of every task that reads a table with columns of texts."""

    train: str
    """.csv, .tsv, .json, .jsonl, .ndjson (also .gz), .parquet or .xlsx, UTF-8 or UTF-16."""
    validation: str | None = None
    """Split off ``train`` when absent."""
    test: str | None = None
    """Split off ``train`` when absent."""
    text: Any = "text"
    """A column, or a list of two for pairs."""
    split_by: str | None = None
    """A column, such as a document or a user, whose rows stay in one split; each text goes alone when absent."""
    owner: str | None = None
    """The column that says whose a row is, for ``strategy.partition=owner``."""
    max_length: int = 128
    """Tokens; longer texts are cut, and counted."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""
    test_fraction: float = 0.2

    def columns(self) -> list[str]:
        """The text columns."""
        return [str(c) for c in self.text] if isinstance(self.text, list | tuple) else [str(self.text)]

    def group_columns(self) -> list[str]:
        """The columns between whose values figures are compared; none unless the task is a GroupedTask."""
        return []

    @abstractmethod
    def label_columns(self) -> list[str]:
        """The columns that say what to predict."""

    @abstractmethod
    def examples(self, table: Table, tally: Tally) -> list[Example]:
        """The rows of a file.

        Raises:
            DataError: naming the line, the reason and the remedy.
        """

    def source(self) -> str:
        return Path(self.train).name

    def files(self) -> dict[str, str | None]:
        """What is read, by the key that names it."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def content(self, secret: bytes) -> Content:
        asked = (
            ContentQuery.now(path, f"task.{split}", self.columns())
            for split, path in self.files().items()
            if path is not None
        )
        return Content.together(content_of_file(file, secret) for file in asked)

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)
        if not 1 <= len(self.columns()) <= 2:
            yield self.out_of_range("text", "one column, or two for pairs", "review, or 'task.text=[question,answer]'")
        if set(self.label_columns()) & set(self.columns()):
            yield self.out_of_range("label", "another column than the text", "the column to predict")
        if self.split_by in self.label_columns():
            yield self.out_of_range("split_by", "another column than the label", "null, or what rows are part of")

    def has_owners(self) -> bool:
        return self.owner is not None

    def max_tokens(self) -> int:
        return self.max_length

    def table(self, path: str, key: str, columns: Sequence[str]) -> Table:
        """The rows of a file, of which these columns are wanted."""
        return read_table(path, key, columns=columns)

    def splits(self, seed: int, tally: Tally, draw: Callable[..., Splits] = drawn) -> Splits:
        """The examples of its files; a split without a file is drawn from ``train``.

        Args:
            draw: ``three_splits`` where each label has to be in every split.
        """
        train, test, validation = (self.read(split, tally) for split in ("train", "test", "validation"))
        sizes = (self.test_fraction, self.validation_fraction)
        return draw(train, *sizes, seed, validation=validation, test=test, tally=tally)

    def read(self, split: str, tally: Tally) -> list[Example]:
        """The examples of a split's file, each text once; none where the split has no file."""
        path = getattr(self, split)
        if path is None:
            return []
        more = [*(name for name in (self.split_by, self.owner) if name is not None), *self.group_columns()]
        table = self.table(path, f"task.{split}", [*self.columns(), *self.label_columns(), *more])
        examples = self.examples(table, tally)
        if self.owner is not None and split == "train":
            examples = owned(examples, table, self.owner)
        examples = stratified(examples, table, self.group_columns())
        return relocated(unique(examples, tally), str(path))


def objections_to_sizes(task: Any) -> Iterator[Objection]:
    """To the settings that tasks of classification share; one whose splits are given has no share of them."""
    if not 4 <= task.max_length <= 100_000:
        yield task.out_of_range("max_length", "at least 4 tokens", "128")
    for name in ("validation_fraction", "test_fraction"):
        if hasattr(task, name) and not 0 < getattr(task, name) < 1:
            yield task.out_of_range(name, "between 0 and 1: a share of the examples", "0.1")
