"""Predict a number for texts, or pairs of texts: a rating, a price, how alike two sentences are.

What it does: reads CSV, TSV, JSON or Parquet with one or two text columns and a column of numbers. The network learns
    them standardised, by the mean and the standard deviation of training, which go with the exported model: scores and
    answers are in the unit of your file. Reports Spearman's correlation first, then Pearson's, RMSE, MAE and R², beside
    what always guessing the mean of training reaches. ``ordinal=true`` takes the numbers as levels, such as stars:
    answers are the nearest level, and Cohen's kappa with quadratic weights comes first. ``group=COLUMN`` compares the
    errors of groups of texts: how large they are, and whether a group is told too much or too little.
Use it when: the difference between two answers has a size. Where answers have names, classify.
What it costs: nothing beyond reading the file.
Composes with: every model and technique; under privacy with a mean and a standard deviation that you give.
Off switch: choose another task.
Reference: the metrics are those of scipy and scikit-learn; Cohen 1968 for the weighted kappa.

    accel task=regression task.train=reviews.csv task.text=review task.label=stars task.ordinal=true
    accel task=regression task.train=reviews.csv task.label=price task.group=country
    accel task=regression task.train=pairs.csv 'task.text=[first,second]' task.label=similarity
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data import Dataset
from accel.data.columns import examples_of
from accel.data.examples import Example, Tally, check_filled, check_known, dataset_of, sorted_labels
from accel.data.numbers import numbers_of
from accel.data.splits import drawn, three_splits
from accel.data.table import Table
from accel.errors import DataError
from accel.task._text_file import TextFile

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan

MOST_LEVELS = 100


@dataclass(kw_only=True)
class Regression(GroupedTask, TextFile):
    """Texts with numbers from files."""

    can_calibrate: ClassVar[bool] = False

    label: str = "label"
    """The column of numbers to predict."""
    ordinal: bool = False
    """Whether the numbers are levels: answers are one of those that training has."""
    mean: float | None = None
    """What is subtracted from the numbers before they are learned; null: their mean in training."""
    std: float | None = None
    """What they are divided by then; null: their standard deviation in training."""

    def label_columns(self) -> list[str]:
        return [self.label]

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        return examples_of(table, self.columns(), self.label, tally, self.split_by, numbers_of)

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.mean is not None and not math.isfinite(self.mean):
            yield self.out_of_range("mean", "finite", "null")
        if self.std is not None and not 0 < self.std < math.inf:
            yield self.out_of_range("std", "positive and finite", "null")

    @property
    def sees_no_private_example(self) -> bool:
        """Whether the scale, which goes with the model, was given rather than computed."""
        return self.mean is not None and self.std is not None

    def predicts(self) -> type[Objective]:
        from accel.objective.regression import OrdinalRegression
        from accel.objective.regression import Regression as Number

        return OrdinalRegression if self.ordinal else Number

    def objective(self, dataset: Dataset) -> Objective:
        numbers = dataset.train.labels
        mean = statistics.fmean(numbers) if self.mean is None else self.mean
        std = statistics.pstdev(numbers) if self.std is None else self.std
        return self.predicts()(tuple(dataset.label_names), mean, std)  # type: ignore[call-arg]

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        splits = self.splits(seed, tally, three_splits if self.ordinal else drawn)  # levels have to be in every split
        source = f"task.train={self.train}"
        check_filled({"validation": splits[1], "test": splits[2]}, source)
        levels = sorted_labels(splits[0])
        self._check_spread([float(level) for level in levels], source)
        for name, split in (("validation", splits[1]), ("test", splits[2])) if self.ordinal else ():
            check_known(name, split, levels)
        return dataset_of(splits, lambda e: float(e.label), levels if self.ordinal else [], tally)

    def _check_spread(self, numbers: list[float], source: str) -> None:
        """Of all different numbers of training."""
        if len(numbers) < 2 or not statistics.pstdev(numbers) > 0:
            raise DataError(
                f"{source}: all numbers of training are {numbers[0] if numbers else 'missing'}, so there is nothing to "
                f"learn. Check task.label, or add examples."
            )
        if self.ordinal and len(numbers) > MOST_LEVELS:
            raise DataError(
                f"{source} has {len(numbers)} different numbers, and with task.ordinal=true each is a level; "
                f"{MOST_LEVELS} are the most. Leave task.ordinal out, or round the numbers in column {self.label!r}."
            )
