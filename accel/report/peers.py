"""Which runs can be compared: a figure on other data, or of another machine, is neither better nor worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from accel.report.records import Recorded

SPLITS = ("train", "validation", "test")
SHOWN = 8
"""Characters of a fingerprint: enough to tell two files apart that have as many rows and the same labels."""


def peers_of(runs: Sequence[Recorded]) -> dict[str, str]:
    """Letter -> data and machine; empty where all runs with figures share them."""
    found = sorted({conditions(run) for run in runs if run.record.get("after")})
    return {_letters(number): text for number, text in enumerate(found)} if len(found) > 1 else {}


def conditions(run: Recorded) -> str:
    """``airline, 14,394 examples, 3 labels; AMD EPYC, 2 cores, 1 thread``: what its figures depend on beside itself.

    Seeds deal the same rows out differently, so the rows of all splits count together. Fingerprints have a key that
    stays in the cache: with another cache the same rows are taken for others, which costs a mark and never lends one.
    """
    return "; ".join(part for part in (_data(run), _machine(run.record)) if part)


def _data(run: Recorded) -> str:
    data = run.record.get("data")
    if not isinstance(data, Mapping):
        return run.choices.get("task", "")
    labels = data.get("labels") or []
    parts = [run.choices.get("task", ""), f"{sum(data.get(split) or 0 for split in SPLITS):,} examples"]
    parts += [f"{len(labels)} labels ({', '.join(map(str, labels))})"] if labels else []
    return ", ".join([*parts, f"content {content[:SHOWN]}"] if (content := str(data.get("content") or "")) else parts)


def _machine(record: Mapping[str, Any]) -> str:
    machine, cost = record.get("machine") or {}, (record.get("after") or {}).get("cost") or {}
    counts = ((machine.get("cores"), "cores"), (cost.get("num_threads"), "threads"))
    return ", ".join([str(machine.get("processor") or ""), *(f"{count} {what}" for count, what in counts if count)])


def _letters(number: int) -> str:
    """A, B … Z, AA, AB …"""
    more, last = divmod(number, len(ascii_uppercase))
    return (_letters(more - 1) if more else "") + ascii_uppercase[last]
