"""Classify texts, or pairs of texts, from your own file.

What it does: reads CSV, TSV, JSON, Parquet or Excel with one or two text columns and a label column, removes
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

from dataclasses import dataclass

from accel.core.task import GroupedTask
from accel.data import Dataset
from accel.data.examples import Example, Tally, assemble, examples_of, three_splits
from accel.data.table import Table
from accel.task._text_file import TextFile


@dataclass(kw_only=True)
class TextClassification(GroupedTask, TextFile):
    """Labelled texts from files."""

    label: str = "label"
    """The column to predict."""

    def label_columns(self) -> list[str]:
        return [self.label]

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        return examples_of(table, self.columns(), self.label, tally, self.split_by)

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        train, test, validation = (self.read(split, tally) for split in ("train", "test", "validation"))
        sizes = (self.test_fraction, self.validation_fraction)
        splits = three_splits(train, *sizes, seed, validation=validation, test=test, tally=tally)
        return assemble(*splits, tally, f"task.train={self.train}")
