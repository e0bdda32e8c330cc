"""Recommend the items that a user takes next, by their texts: from your own interactions.

What it does: reads a table of who took what (``user``, ``item``, and where there are any a time and a rating), and one
    of the items' texts. The network makes a vector of a history, which is a user's last items as one text, and of each
    item; it learns that a history is nearest to the item that came next. A user's last item is tested on, the one
    before it chooses between models: nothing later than an item is in the history that it is foreseen from. All items
    but a user's own are ranked, never a sample of them: nDCG@10, recall@10, hit@10, MRR, and coverage, the share of
    items that are shown to anybody. Beside them stand popularity, that of the last 30 days, item-kNN, EASE and BPR,
    which read no text, each with a paired interval.
Use it when: items come and go, and have texts: what was never taken can be recommended, and so can it be to a new user.
What it costs: one or two seconds for each 100,000 interactions beside training, and some ten more for the simple ones.
    ``pairs_per_user`` bounds how many examples there are.
Composes with: as ``task=retrieval``.
Off switch: choose another task.
Reference: Rendle et al. 2009 (arXiv 1205.2618) for BPR, Steck 2019 (arXiv 1905.03375) for EASE, Krichene & Rendle 2020
    (On sampled metrics for item recommendation) for why all items are ranked.

    accel task=recommendation task.train=ratings.csv task.items=films.csv task.timestamp=time
    accel task=recommendation task.train=ratings.csv task.items=films.csv task.group=country   # a column of ratings.csv
    accel search outputs/DATE/TIME "Alien; Blade Runner" --in films.csv --column text
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.core.option import Objection
from accel.data import Dataset
from accel.data.content import Content, Row
from accel.data.examples import Tally
from accel.data.interactions import Interaction, in_order, last_one_out
from accel.data.taken import catalogue_of, groups_of_users, interactions_of
from accel.task._recommending import RecommendingTask

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Recommendation(RecommendingTask):
    """Interactions and items, from files."""

    train: str
    """Of interactions: .csv, .tsv, .jsonl or .parquet, UTF-8."""
    items: str
    """Of items and their texts, likewise."""
    user: str = "user"
    """The column of ``train`` that says who."""
    item: str = "item"
    """The column of both files that says what."""
    text: str = "text"
    """The column of ``items`` with what the network reads of an item."""
    name: str | None = None
    """The column of ``items`` with what it is called in a history, such as a title; its text when absent."""
    timestamp: str | None = None
    """The column of ``train`` with seconds or ISO dates; a keyed hash orders a user's items when absent."""
    rating: str | None = None
    """The column of ``train`` with numbers, for ``min_rating``."""
    min_rating: float | None = None
    """Lower ratings are no interactions."""

    def source(self) -> str:
        return Path(self.train).name

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if (self.rating is None) != (self.min_rating is None):
            yield self.out_of_range("min_rating", "a number together with task.rating=COLUMN, or neither", "4")
        if self.user == self.item:
            yield self.out_of_range("item", "another column than that of the users", "item")

    def rows(self) -> Iterator[Row]:
        """Everybody's items, one by one."""
        catalogue = catalogue_of(self.items, item=self.item, text=self.text, name=self.name, tally=Tally())
        for row in self._interactions(Tally()):
            yield Row.of(row.user, catalogue.texts.get(row.item, row.item))

    def content(self, secret: bytes) -> Content:
        return Content.of(self.rows(), secret)

    def _interactions(self, tally: Tally) -> list[Interaction]:
        return interactions_of(
            self.train,
            user=self.user,
            item=self.item,
            timestamp=self.timestamp,
            rating=self.rating,
            min_rating=self.min_rating,
            tally=tally,
        )

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        catalogue = catalogue_of(self.items, item=self.item, text=self.text, name=self.name, tally=tally)
        rows = self._interactions(tally)
        catalogue.require(rows, self.train)
        return last_one_out(
            in_order(rows, seed, tally),
            catalogue,
            tally,
            history=self.history,
            pairs_per_user=self.pairs_per_user,
            source=f"task.train={self.train}",
            timed=self.timestamp is not None,
            groups=groups_of_users(self.train, user=self.user, columns=self.group_columns()),
        )
