"""Which runs are not beaten in everything by another: the only ones worth choosing among."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from accel.core.metric import OF_CLASSES, OF_ENTITIES, OF_LANGUAGE, OF_REPLY_SELECTION, metrics_of, quality_of
from accel.core.objective import known_objectives
from accel.report.money import Prices, bill

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Objective:
    """A figure of the record that runs compete in."""

    key: str
    """Path in the record, with dots."""
    direction: str
    """maximize or minimize."""

    def of(self, record: Mapping[str, Any]) -> Objective:
        """The figure as this record names it."""
        del record
        return self

    def value(self, record: Mapping[str, Any]) -> float | None:
        """The figure; None where the run has none."""
        value: Any = record
        for part in self.of(record).key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, int | float) else None

    def cost(self, record: Mapping[str, Any]) -> float | None:
        """The figure, negated if larger is better."""
        value = self.value(record)
        return -value if value is not None and self.of(record).direction == "maximize" else value

    def told(self, record: Mapping[str, Any]) -> float | None:
        """What a study hears, which knows one ``direction`` before it knows any record."""
        cost = self.cost(record)
        return -cost if cost is not None and self.direction == "maximize" else cost


@dataclass(frozen=True)
class Quality(Objective):
    """The first metric of whatever a run learns: its name and its direction stand in the record.

    ``key`` is where the metrics are. A study maximizes it: a metric that is better when lower is told negated.
    """

    direction: str = "maximize"

    def of(self, record: Mapping[str, Any]) -> Objective:
        quality = quality_of(record)
        return Objective(f"{self.key}.{quality.key}", quality.direction) if quality else Objective(self.key, "maximize")


@dataclass(frozen=True)
class Stated(Quality):
    """One metric by its name, where a run's objective states it. A study maximizes it as it does the quality."""

    name: str = ""

    def of(self, record: Mapping[str, Any]) -> Objective:
        found = next((metric for metric in metrics_of(record) if metric.key == self.name), None)
        return Objective(f"{self.key}.{self.name}", found.direction if found else "maximize")


@dataclass(frozen=True)
class Cost(Objective):
    """A month of the finished model as money, its errors counted on the validation split."""

    prices: Prices | None = None

    def value(self, record: Mapping[str, Any]) -> float | None:
        assert self.prices is not None, "a cost without prices is a name alone"
        found = bill(record, self.prices, "validation")
        return None if isinstance(found, str) else found.total


NAMED = {
    # On the validation split: whoever chooses by the test split has no honest figure left.
    "quality": Quality("after.validation"),
    "latency_ms_p50": Objective("after.cost.latency_ms_p50", "minimize"),
    "size_bytes": Objective("after.cost.size_bytes", "minimize"),
    "flops": Objective("after.cost.flops", "minimize"),
    "epsilon": Objective("privacy.epsilon", "minimize"),
    "cost": Cost("cost", "minimize"),
}
"""What a search may look for."""


def goal(name: str, prices: Prices | None = None) -> Objective | None:
    """What a search may look for, by name: a figure, or a metric that an objective states; None for anything else."""
    if isinstance(priced := NAMED.get(name), Cost):
        return replace(priced, prices=prices)
    ours = {metric.key for metric in (*OF_REPLY_SELECTION, *OF_CLASSES, *OF_ENTITIES, *OF_LANGUAGE)}
    stated = {metric.key for objective in known_objectives().values() for metric in objective.metrics}
    if name in NAMED or name not in stated | ours:
        return NAMED.get(name)
    return Stated("after.validation", name=name)


OBJECTIVES = (Quality("after.metrics"), NAMED["latency_ms_p50"], NAMED["size_bytes"])
"""What finished runs are compared by."""


def pareto(records: Mapping[K, Mapping[str, Any]], objectives: Sequence[Objective] = OBJECTIVES) -> list[K]:
    """Keys of the records that no other record dominates; a record that lacks a figure does not compete."""
    costs = {k: [o.cost(r) for o in objectives] for k, r in records.items()}
    complete = {k: [float(c) for c in cs if c is not None] for k, cs in costs.items() if None not in cs}
    different = set(map(tuple, complete.values()))
    best = {mine for mine in different if not any(dominates(other, mine) for other in different)}
    return [k for k, mine in complete.items() if tuple(mine) in best]


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether ``a`` is nowhere worse and somewhere better than ``b`` (all minimized)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))
