"""One entry of what weights have seen, as an exported model's ``accel.json`` lists it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seen:
    """Data that weights, a tokenizer or a structure depend on."""

    name: str
    """For people: a file's name, or a task's; nothing is decided by it."""
    fingerprint: str = ""
    """Of its content, keyed (see ``accel/data/content_store.py``); empty where nobody noted it."""
    run: str = ""
    """Which private run used it: two runs on the same data spend twice."""
    epsilon: float | None = None
    """What that run spent; None where nothing bounds what the weights tell of the data."""
    delta: float | None = None
    unit: str = ""
    """What the epsilon protects."""

    def words(self) -> str:
        """The entry for people."""
        spent = f" (epsilon {self.epsilon:.3g}, delta {self.delta:.3g})" if self.epsilon is not None else ""
        return self.name + spent


def union(*groups: Iterable[Seen]) -> tuple[Seen, ...]:
    """Everything once, in order. What was used without privacy counts once however often; each private run counts."""
    found: dict[tuple[str, str], Seen] = {}
    for entry in (entry for group in groups for entry in group):
        found.setdefault((entry.fingerprint or f"?{entry.name}", entry.run), entry)
    return tuple(found.values())


def noted(value: Any) -> tuple[Seen, ...]:
    """What a file says; older versions of accel noted the last source's name alone.

    Raises:
        TypeError: it is no list of entries.
    """
    if isinstance(value, str):
        return (Seen(value),) if value else ()
    return tuple(Seen(**entry) for entry in value)


def in_words(entries: Sequence[Seen]) -> str:
    """All of them, for a message."""
    return ", ".join(entry.words() for entry in entries)
