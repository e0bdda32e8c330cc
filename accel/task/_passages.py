"""What the tasks have in common that rank passages: beside each pair stand passages that look right and are not.

Random passages are soon told apart; those that share words with a query are what a ranking gets wrong (Karpukhin et al.
2020, arXiv 2004.04906; Xiong et al. 2021, arXiv 2007.00808, on why random ones teach little).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.bm25 import nearest
from accel.data.examples import Example, Tally
from accel.data.splits import Splits
from accel.errors import DataError
from accel.task._pairs import PairTask, assemble, plain

MOST = 100


@dataclass(kw_only=True)
class PassageTask(PairTask):
    """Base of every task that ranks passages for a query."""

    hard_negatives: int = 0
    """Passages of training beside each pair that share words with its query and are not right, by BM25."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.hard_negatives <= MOST:
            yield self.out_of_range("hard_negatives", f"between 0 and {MOST}", "1")

    def assembled(self, splits: Splits, tally: Tally, source: str) -> Dataset:
        """The data set, with hard negatives where they are asked for.

        Raises:
            DataError: a split is empty, or a query has too few other passages.
        """
        train, *others = splits
        if self.hard_negatives:
            train = with_hard_negatives(train, self.hard_negatives, tally, source)
        return assemble((train, *others), tally, source)  # type: ignore[arg-type] # three, as they came


def with_hard_negatives(pairs: Sequence[Example], count: int, tally: Tally, source: str) -> list[Example]:
    """The pairs, each with ``count`` more texts: the passages of other pairs that BM25 finds nearest to its query.

    None of them is right for the query in any pair, or is the query itself. Where fewer share a word with it, others
    stand in by chance, the same ones every time; the tally notes how many.

    Raises:
        DataError: a query has fewer other passages.
    """
    passages = {plain(pair.texts[1]): pair.texts[1] for pair in pairs}
    unwanted = _unwanted(pairs, {text: place for place, text in enumerate(passages)})
    for pair in pairs:
        if (left := len(passages) - len(unwanted[plain(pair.texts[0])])) < count:
            raise DataError(
                f"task.hard_negatives={count}: {pair.where or source}: in training {left} passages are not right for "
                f"the query {pair.texts[0][:60]!r}. Lower it to {left}, or add pairs."
            )
    found = _mined(unwanted, list(passages.values()), count, tally)
    return [replace(pair, texts=(*pair.texts, *found[plain(pair.texts[0])])) for pair in pairs]


def _unwanted(pairs: Sequence[Example], place: Mapping[str, int]) -> dict[str, set[int]]:
    """By query: the places of its right passages, and its own where it is a passage too."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for query, passage in (map(plain, pair.texts) for pair in pairs):
        found[query] |= {place[text] for text in (query, passage) if text in place}
    return found


def _mined(
    unwanted: Mapping[str, Collection[int]], passages: Sequence[str], count: int, tally: Tally
) -> dict[str, list[str]]:
    near = nearest(list(unwanted), passages, list(unwanted.values()), count)
    if drawn := sum(count - len(places) for places in near):
        share = drawn / (count * len(near))
        tally.note([f"{share:.1%} of hard negatives are drawn: too few passages share a telling word with the query"])
    draw = np.random.default_rng(0)
    return {
        query: [passages[place] for place in _filled(places.tolist(), unwanted[query], count, len(passages), draw)]
        for query, places in zip(unwanted, near, strict=True)
    }


def _filled(
    near: list[int], unwanted: Collection[int], count: int, num_passages: int, draw: np.random.Generator
) -> list[int]:
    """The near places, and others by chance up to ``count``."""
    if len(near) == count:
        return near
    taken = {*near, *unwanted}
    some = draw.choice(num_passages, min(num_passages, count + len(taken)), replace=False)
    return [*near, *(place for place in some.tolist() if place not in taken)][:count]
