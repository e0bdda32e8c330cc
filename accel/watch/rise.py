"""Whether something has become more frequent: a cumulative sum that is as exact as its false alarms are rare.

The sum of log-likelihood ratios between a risen share and the usual one, never below zero (Page 1954, "Continuous
inspection schemes"). While the share is the usual one, its mean time to an alarm is at least e^limit (Lorden 1971,
"Procedures for reacting to a change in distribution", whose rule is also the one that finds a rise soonest).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

SURE = NormalDist().inv_cdf(0.95)
MOST = 1 - 1e-6
"""What every text has can rise no further; below 1, so that it has odds."""


def highest(hits: int, texts: int) -> float:
    """The largest share that ``hits`` of ``texts`` leave likely, one-sided at 95 % (Wilson 1927)."""
    share, spread = hits / texts, SURE**2 / texts
    found = (share + spread / 2 + math.sqrt(spread * (share * (1 - share) + spread / 4))) / (1 + spread)
    return min(found, MOST)


def risen(share: float, odds_ratio: float) -> float:
    """The share whose odds are so many times those of ``share``."""
    odds = share / (1 - share) * odds_ratio
    return odds / (1 + odds)


@dataclass(frozen=True)
class Watch:
    """Looks for a rise of a share."""

    usual: float
    """In (0, 1): the share that is no reason for an alarm."""
    odds_ratio: float
    """Above 1: of the rise that is to be found soonest."""
    texts_between_false_alarms: float
    """On average, at least; above 1."""

    @property
    def risen(self) -> float:
        """The share to which it rises then."""
        return risen(self.usual, self.odds_ratio)

    @property
    def limit(self) -> float:
        """From which sum on there is an alarm."""
        return math.log(self.texts_between_false_alarms)

    @property
    def delay_texts(self) -> float:
        """After how many texts such a rise is found, about: the limit over the mean of a term after the rise."""
        hit, miss = self._terms()
        return self.limit / (self.risen * hit + (1 - self.risen) * miss)

    def sums(self, hits: Iterable[bool]) -> Iterator[tuple[float, int | None]]:
        """After each text the sum, and with an alarm the text at which it last left zero; after one it begins anew."""
        hit, miss = self._terms()
        total, begun = 0.0, 0
        for place, is_hit in enumerate(hits):
            if total == 0.0:
                begun = place
            total = max(0.0, total + (hit if is_hit else miss))
            yield total, begun if total >= self.limit else None
            if total >= self.limit:
                total = 0.0

    def _terms(self) -> tuple[float, float]:
        """What a text that has the label adds, and one that has not."""
        return math.log(self.risen / self.usual), math.log((1 - self.risen) / (1 - self.usual))
