"""Which runs are not beaten in everything by another: the only ones worth choosing among."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Objective:
    """A figure of the record that runs compete in."""

    key: str
    """Path in the record, with dots."""
    direction: str
    """maximize or minimize."""

    def cost(self, record: Mapping[str, Any]) -> float | None:
        """The figure, negated if larger is better; None where the run has none."""
        value: Any = record
        for part in self.key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if not isinstance(value, int | float):
            return None
        return -float(value) if self.direction == "maximize" else float(value)


OBJECTIVES = (
    Objective("after.metrics.accuracy", "maximize"),
    Objective("after.cost.latency_ms_p50", "minimize"),
    Objective("after.cost.size_bytes", "minimize"),
)


def pareto(records: Mapping[K, Mapping[str, Any]]) -> list[K]:
    """Keys of the records that no other record dominates; a record that lacks a figure does not compete."""
    costs = {k: [o.cost(r) for o in OBJECTIVES] for k, r in records.items()}
    complete = {k: [float(c) for c in cs if c is not None] for k, cs in costs.items() if None not in cs}
    return [k for k, mine in complete.items() if not any(dominates(other, mine) for other in complete.values())]


def dominates(a: list[float], b: list[float]) -> bool:
    """Whether ``a`` is nowhere worse and somewhere better than ``b`` (all minimized)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))
