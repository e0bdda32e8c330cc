"""Say which of several labels hold for texts, or pairs of texts: none, one or many at once.

What it does: reads CSV, TSV, JSON or Parquet with one or two text columns and the labels: a column of lists
    (``["bug", "ui"]``), a column of words with a separator between (``bug|ui``), or a column of 0 and 1 for each label.
    What nobody knows, null or an empty cell of a label's column, is neither learned nor scored. After training each
    label gets the threshold that has its best F1 on the validation split; they go with the exported model. Reports
    macro F1 first, then micro F1, mAP and how many texts have all labels right, beside what always saying every label
    reaches.
Use it when: a text may have several labels, or none. Where it has exactly one, classify.
What it costs: nothing beyond reading the file, and one look at the validation split after training.
Composes with: every model and technique; under privacy with a threshold that you give.
Off switch: choose another task.
Reference: the metrics are those of scikit-learn; Lipton et al. 2014 (arXiv 1402.1892) for thresholds of the best F1.

    accel task=multi_label task.train=tickets.jsonl task.label=topics
    accel task=multi_label task.train=comments.csv 'task.label=[insult,threat,spam]'
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.option import Objection
from accel.data import Dataset
from accel.data.columns import examples_of
from accel.data.examples import Example, Tally, check_filled, dataset_of
from accel.data.label_sets import columns_of, sets_of
from accel.data.splits import Splits
from accel.data.table import Table
from accel.errors import DataError
from accel.task._text_file import TextFile

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class MultiLabel(TextFile):
    """Texts with any number of labels from files."""

    can_calibrate: ClassVar[bool] = False

    label: Any = "label"
    """A column of lists or of words, or a list of columns of 0 and 1, one for each label."""
    separator: str = "|"
    """What stands between the labels of a cell that is no list."""
    threshold: float | None = None
    """From which probability on every label holds; null: each label's own, chosen on the validation split."""

    def label_columns(self) -> list[str]:
        return [str(c) for c in self.label] if isinstance(self.label, list | tuple) else [str(self.label)]

    @property
    def has_columns(self) -> bool:
        """Whether each label has a column."""
        return isinstance(self.label, list | tuple)

    @property
    def sees_no_private_example(self) -> bool:
        """Whether the thresholds, which go with the model, were given rather than chosen."""
        return self.threshold is not None

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        names = self.label_columns()
        if not names or len(set(names)) < len(names):
            yield self.out_of_range("label", "a column, or a list of different ones", "topics, or 'task.label=[a,b]'")
        if not self.separator.strip():
            yield self.out_of_range("separator", "a sign", "'|'")
        if self.threshold is not None and not 0 < self.threshold < 1:
            yield self.out_of_range("threshold", "between 0 and 1", "0.5")

    def predicts(self) -> type[Objective]:
        from accel.objective.multi_label import MultiLabel as Labels

        return Labels

    def objective(self, dataset: Dataset) -> Objective:
        names = dataset.label_names
        return self.predicts()(names, self.threshold and (self.threshold,) * len(names))  # type: ignore[call-arg]

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        found = examples_of(table, self.columns(), self.label_columns()[0], tally, self.split_by, self._read_labels)
        known = [example for example in found if example.label]
        tally.drop(len(found) - len(known), "none of its labels is known")
        return known

    def _read_labels(self, table: Table, column: str, tally: Tally) -> list[str]:
        del tally
        return columns_of(table, self.label_columns()) if self.has_columns else sets_of(table, column, self.separator)

    def load(self, seed: int) -> Dataset:
        tally, source = Tally(), f"task.train={self.train}"
        splits = self.splits(seed, tally)
        names = self._names(splits[0], source)
        if not self.has_columns:
            splits = self._taught(splits, names, tally)
        check_filled({"validation": splits[1], "test": splits[2]}, source)
        return dataset_of(splits, self._columns_learned if self.has_columns else _Learned(names), names, tally)

    @staticmethod
    def _columns_learned(example: Example) -> list[float | None]:
        return [None if answer is None else float(answer) for answer in json.loads(example.label)]

    def _names(self, train: Sequence[Example], source: str) -> list[str]:
        found = [json.loads(example.label) for example in train]
        return self._require_learnable(found, source) if self.has_columns else _all_labels(found, source)

    def _require_learnable(self, train: Sequence[Sequence[int | None]], source: str) -> list[str]:
        names = self.label_columns()
        for number, name in enumerate(names):
            if 1 not in {row[number] for row in train}:
                raise DataError(
                    f"{source}: no text of training has 1 in column {name!r}, so nobody can learn when it holds. Add "
                    f"examples, or leave {name} out of task.label."
                )
        return names

    def _taught(self, splits: Splits, names: Sequence[str], tally: Tally) -> Splits:
        """Without what was split off with a label that training never saw; of a file of its own that is a mistake."""
        known, kept = set(names), [splits[0]]
        for name, split in zip(("validation", "test"), splits[1:], strict=True):
            odd = {e.where: sorted(set(json.loads(e.label)) - known) for e in split}
            foreign = {where: labels for where, labels in odd.items() if labels}
            if foreign and getattr(self, name) is not None:
                where, labels = next(iter(foreign.items()))
                raise DataError(
                    f"task.{name}, {where}: the label {labels[0]!r} never occurs in training, so it cannot be "
                    f"predicted. Add examples of it to task.train, or correct it; training has: {', '.join(names)}."
                )
            untaught = sorted({label for labels in foreign.values() for label in labels})
            tally.drop(len(foreign), f"training has no example of {', '.join(untaught)}")
            kept.append([e for e in split if e.where not in foreign])
        return (kept[0], kept[1], kept[2])


@dataclass(frozen=True)
class _Learned:
    """1 for every label of a list, 0 for all others."""

    names: Sequence[str]

    def __call__(self, example: Example) -> list[float | None]:
        found = set(json.loads(example.label))
        return [float(name in found) for name in self.names]


def _all_labels(train: Sequence[Sequence[str]], source: str) -> list[str]:
    names = sorted({name for labels in train for name in labels})
    if not names:
        raise DataError(f"{source}: no text of training has a label, so there is nothing to learn. Check task.label.")
    return names
