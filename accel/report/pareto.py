"""Which runs are not beaten in everything by another: the only ones worth choosing among."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
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

    def value(self, record: Mapping[str, Any]) -> float | None:
        """The figure; None where the run has none."""
        value: Any = record
        for part in self.key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, int | float) else None

    def cost(self, record: Mapping[str, Any]) -> float | None:
        """The figure, negated if larger is better."""
        value = self.value(record)
        return -value if value is not None and self.direction == "maximize" else value


NAMED = {
    # On the validation split: whoever chooses by the test split has no honest figure left.
    "quality": Objective("after.validation.accuracy", "maximize"),
    "latency_ms_p50": Objective("after.cost.latency_ms_p50", "minimize"),
    "size_bytes": Objective("after.cost.size_bytes", "minimize"),
    "flops": Objective("after.cost.flops", "minimize"),
    "epsilon": Objective("privacy.epsilon", "minimize"),
}
"""What a search may look for."""
OBJECTIVES = (Objective("after.metrics.accuracy", "maximize"), NAMED["latency_ms_p50"], NAMED["size_bytes"])
"""What finished runs are compared by."""


def pareto(records: Mapping[K, Mapping[str, Any]], objectives: Sequence[Objective] = OBJECTIVES) -> list[K]:
    """Keys of the records that no other record dominates; a record that lacks a figure does not compete."""
    costs = {k: [o.cost(r) for o in objectives] for k, r in records.items()}
    complete = {k: [float(c) for c in cs if c is not None] for k, cs in costs.items() if None not in cs}
    return [k for k, mine in complete.items() if not any(dominates(other, mine) for other in complete.values())]


def dominates(a: list[float], b: list[float]) -> bool:
    """Whether ``a`` is nowhere worse and somewhere better than ``b`` (all minimized)."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))
