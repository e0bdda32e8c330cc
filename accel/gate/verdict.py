"""Which limits a candidate keeps; a figure that is missing breaks its limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from accel.gate.candidate import Candidate, MissingError
from accel.gate.limits import Limit, limit_named
from accel.report.record import SCHEMA, status_of


@dataclass(frozen=True)
class Check:
    """One limit, and what was found."""

    limit: str
    says: str
    allowed: str
    found: str
    passed: bool
    bound: float | None = None
    value: float | None = None
    """As numbers; None for what is none, and for what was not measured."""

    @property
    def verdict(self) -> str:
        """For people."""
        return "kept" if self.passed else "BROKEN"


def checks(candidate: Candidate, allowed: Mapping[str, float]) -> list[Check]:
    """What every run has to be, then every limit in the order given.

    Raises:
        ConfigError: a limit that does not exist.
    """
    limits = [(limit_named(key, candidate), value) for key, value in allowed.items()]
    return [*_of_every_run(candidate), *(_checked(limit, value, candidate) for limit, value in limits)]


def _of_every_run(candidate: Candidate) -> Iterator[Check]:
    for name, run in (("run", candidate.run), ("against", candidate.against)):
        if run is None:
            continue
        status = status_of(run.record, run.folder)
        yield Check(name, "status of the run", "finished", status, status == "finished")
        schema = run.record.get("schema")
        yield Check(f"{name}_schema", "version of its record", str(SCHEMA), str(schema), schema == SCHEMA)
    if candidate.against is not None:
        reason = candidate.other_data()
        yield Check("data", "what both runs learned and were scored on", "the same", reason or "the same", not reason)


def _checked(limit: Limit, allowed: float, candidate: Candidate) -> Check:
    bound = f"{'at least' if limit.more_is_better else 'at most'} {limit.text(allowed)}"
    try:
        value = limit.measure(candidate)
    except MissingError as reason:
        return Check(limit.key, limit.says, bound, f"not measured: {reason}", passed=False, bound=allowed)
    found = value if isfinite(value) else None
    return Check(limit.key, limit.says, bound, limit.text(value), limit.keeps(value, allowed), allowed, found)
