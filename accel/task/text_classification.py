"""Classify texts, or pairs of texts, from your own file.

What it does: reads CSV, TSV, JSON or Parquet with one or two text columns and a label column, removes
    duplicates, splits off validation and test if there are no files for them, and reports class imbalance.
    ``split_by`` names a column whose rows stay in one split: a document, a user, a conversation.
Use it when: you have labelled texts; any language, any label values.
What it costs: nothing beyond reading the file.
Composes with: every model and technique.
Off switch: choose another task.
Reference: accuracy and macro-F1 as torchmetrics defines them.

    accel task=text_classification task.train=reviews.csv task.text=review task.label=stars
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data import Dataset
from accel.data.content import Content, ContentQuery, content_of_file
from accel.data.examples import (
    Example,
    Tally,
    assemble,
    examples_of,
    owned,
    relocated,
    stratified,
    three_splits,
    unique,
)
from accel.data.table import read_table

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class TextClassification(GroupedTask):
    """Labelled texts from files."""

    train: str
    """.csv, .tsv, .json, .jsonl, .ndjson (also .gz) or .parquet, UTF-8 or UTF-16."""
    validation: str | None = None
    """Split off ``train`` when absent."""
    test: str | None = None
    """Split off ``train`` when absent."""
    text: Any = "text"
    """A column, or a list of two for pairs."""
    label: str = "label"
    """The column to predict."""
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

    def source(self) -> str:
        return Path(self.train).name

    def content(self, secret: bytes) -> Content:
        files = {"train": self.train, "validation": self.validation, "test": self.test}
        asked = (
            ContentQuery.now(path, f"task.{split}", self.columns()) for split, path in files.items() if path is not None
        )
        return Content.together(content_of_file(file, secret) for file in asked)

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)
        if not 1 <= len(self.columns()) <= 2:
            yield self.out_of_range("text", "one column, or two for pairs", "review, or 'task.text=[question,answer]'")
        if self.label in self.columns():
            yield self.out_of_range("label", "another column than the text", "the column to predict")
        if self.split_by == self.label:
            yield self.out_of_range("split_by", "another column than the label", "null, or what rows are part of")

    def has_owners(self) -> bool:
        return self.owner is not None

    def max_tokens(self) -> int:
        return self.max_length

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        train = self._read("train", self.train, tally)
        test = self._read("test", self.test, tally)
        validation = self._read("validation", self.validation, tally)
        sizes = (self.test_fraction, self.validation_fraction)
        splits = three_splits(train, *sizes, seed, validation=validation, test=test, tally=tally)
        return assemble(*splits, tally, f"task.train={self.train}")

    def _read(self, split: str, path: str | None, tally: Tally) -> list[Example]:
        if path is None:
            return []
        more = [*(name for name in (self.split_by, self.owner) if name is not None), *self.group_columns()]
        table = read_table(path, f"task.{split}", columns=[*self.columns(), self.label, *more])
        examples = examples_of(table, self.columns(), self.label, tally, self.split_by)
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
