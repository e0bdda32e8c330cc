"""How often a label was said in each period, and where it began to come more often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from accel.watch.periods import period_of
from accel.watch.rise import Watch, highest
from accel.watch.stream import Said

EXAMPLES = 3
"""Texts that are quoted beside an alarm."""


@dataclass(frozen=True)
class Alarm:
    """A share has risen."""

    period: str
    """In which it was noticed."""
    since: str
    """The period in which it likely began: since then the sum has not been back at nothing."""
    texts: int
    """Since then."""
    hits: int
    """Of them, those with the label."""
    examples: tuple[str, ...]
    """The newest of those."""


@dataclass(frozen=True)
class Period:
    """One bar."""

    name: str
    texts: int
    hits: int
    sum: float
    """The largest in it."""
    is_usual: bool
    """Whether it says what is usual, in part at least."""
    alarms: tuple[Alarm, ...] = ()

    @property
    def share(self) -> float:
        """Of its texts that have the label."""
        return self.hits / self.texts


@dataclass(frozen=True)
class Watched:
    """One label."""

    label: str
    watch: Watch
    usual_texts: int
    usual_hits: int
    periods: list[Period] = field(default_factory=list)

    @property
    def alarms(self) -> list[Alarm]:
        """All of them, the oldest first."""
        return [alarm for period in self.periods for alarm in period.alarms]


def watched(
    label: str, said: Sequence[Said], num_usual: int, by: str, odds_ratio: float, texts_between_false_alarms: float
) -> Watched:
    """Over texts in the order of time, of which the first ``num_usual`` say what is usual."""
    hits = [label in one.labels for one in said]
    usual_hits = sum(hits[:num_usual])
    watch = Watch(highest(usual_hits, num_usual), odds_ratio, texts_between_false_alarms)
    found = Watched(label, watch, num_usual, usual_hits)
    sums = [(0.0, None)] * num_usual + list(watch.sums(hits[num_usual:]))
    for name, group in groupby(range(len(said)), lambda place: period_of(said[place].seconds, by)):
        places = list(group)
        alarms = [
            _alarm(said, hits, num_usual + begun, place, by)
            for place in places
            if (begun := sums[place][1]) is not None
        ]
        largest = max(sums[place][0] for place in places)
        counted = sum(hits[place] for place in places)
        found.periods.append(Period(name, len(places), counted, largest, places[0] < num_usual, tuple(alarms)))
    return found


def _alarm(said: Sequence[Said], hits: Sequence[bool], begun: int, place: int, by: str) -> Alarm:
    inside = range(begun, place + 1)
    newest = list(dict.fromkeys(said[n].text for n in reversed(inside) if hits[n]))[:EXAMPLES]
    first, last = (period_of(said[n].seconds, by) for n in (begun, place))
    return Alarm(last, first, len(inside), sum(hits[n] for n in inside), tuple(newest))
