"""Classify texts, or pairs of texts, from your own file.

What it does: reads CSV, TSV, JSON, Parquet or Excel with one or two text columns and a label column, removes
    duplicates, splits off validation and test if there are no files for them, and reports class imbalance.
    ``split_by`` names a column whose rows stay in one split: a document, a user, a conversation. ``unlabelled`` names a
    file with more texts: the teacher of ``compression=[distill]`` answers them, and the student learns from both.
Use it when: you have labelled texts; any language, any label values.
What it costs: nothing beyond reading the file.
Composes with: every model and technique.
Off switch: choose another task.
Reference: accuracy and macro-F1 as torchmetrics defines them.

    accel task=text_classification task.train=reviews.csv task.text=review task.label=stars
    accel task=text_classification task.train=few.csv task.unlabelled=many.csv compression=[distill]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data import Dataset, Split
from accel.data.columns import examples_of, texts_of
from accel.data.examples import Example, Tally, assemble
from accel.data.read_table import read_table
from accel.data.splits import three_splits
from accel.data.table import Table
from accel.errors import DataError
from accel.task._text_file import TextFile

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class TextClassification(GroupedTask, TextFile):
    """Labelled texts from files."""

    label: str = "label"
    """The column to predict."""
    unlabelled: str | None = None
    """A file with more texts under the same columns, which the teacher of ``compression=[distill]`` answers."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.unlabelled is not None:
            yield from self._objections_to_unlabelled(plan)

    def _objections_to_unlabelled(self, plan: Plan) -> Iterator[Objection]:
        chosen, without = f"{self.key}.unlabelled={self.unlabelled}", f"{self.key}.unlabelled=null"
        if not plan.learns_without_labels:
            because = "nobody says what is learned from a text without a label; a teacher's answers would"
            yield Objection(chosen, because, f"compression=[distill], or {without}")
        if plan.privacy is not None:
            because = "a private step is accounted for the records of task.train, and these would be others"
            yield Objection(f"{chosen}  with  {plan.privacy.key}", because, without)
        if plan.strategy.trains_locally:
            because = "clients learn from examples of their own, and these texts are nobody's"
            yield Objection(f"{chosen}  with  {plan.strategy.key}", because, without)

    def files(self) -> dict[str, str | None]:
        return {**super().files(), "unlabelled": self.unlabelled}

    def label_columns(self) -> list[str]:
        return [self.label]

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        return examples_of(table, self.columns(), self.label, tally, self.split_by)

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        splits = self.splits(seed, tally, three_splits)
        more = self._without_label(tally, {e.texts for split in splits for e in split})
        return replace(assemble(*splits, tally, f"task.train={self.train}"), unlabelled=more)

    def _without_label(self, tally: Tally, known: Collection[tuple[str, ...]]) -> Split | None:
        """Texts of the file that are in no split: a text of the test split must not be seen before it is scored.

        Raises:
            DataError: it cannot be read, lacks a column, or has no other text.
        """
        if self.unlabelled is None:
            return None
        key = "task.unlabelled"
        table = read_table(self.unlabelled, key, columns=self.columns())
        rows = zip(*(texts_of(table, name, tally) for name in self.columns()), strict=True)
        texts = [row for row in dict.fromkeys(rows) if any(part.strip() for part in row)]
        new = [row for row in texts if row not in known]
        if not new:
            raise DataError(f"{key}={self.unlabelled} has no text that is not in the other files. Leave it out.")
        if len(new) < len(texts):
            tally.note([f"{len(texts) - len(new)} texts of {key} are in the other files, and are left out of it"])
        return Split(new, [])
