"""Predictions one by one: how the finished model differs from the one before, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accel.behaviour.decisions import Decisions
from accel.behaviour.drift import paired_interval
from accel.behaviour.examples import telling
from accel.behaviour.kept import Kept
from accel.behaviour.stored import Stored
from accel.data.prepared import Prepared
from accel.objective.scores import Report

UNPAIRED = "the two models cut the texts into other tokens, so their predictions cannot be compared one by one"


def behaviour_of(data: Prepared, before: Report | None, after: Report, temperature: float | None) -> dict[str, Any]:
    """Figures of the test split; empty where the objective keeps no predictions.

    Args:
        before: of a model that was trained for the same; None where there is none to compare with.
        temperature: that was fitted on the validation split.
    """
    if after.kept is None:
        return {}
    was = before.kept if before is not None else None
    found = {"unit": data.objective.unit, **_own(was, "before"), **_own(after.kept, "after")}
    if temperature is not None:
        found |= {"temperature": temperature, **_own(after.kept.at(temperature), "scaled")}
    if before is None or was is None:
        return found
    if not after.kept.pairs_with(was):
        return found | {"unpaired": UNPAIRED}
    return {**found, **after.kept.change(was), **difference(data, before, after), **_where(data, was, after.kept)}


def telling_texts(
    data: Prepared, before: Report | None, after: Report, texts: Sequence[tuple[str, ...]]
) -> dict[str, Any]:
    """The flips and the mistakes that say most, with their texts; nothing where labels are not what is predicted."""
    if not isinstance(after.kept, Decisions):
        return {}
    was = before.kept if before is not None and isinstance(before.kept, Decisions) else None
    return telling(texts, data.objective.label_names, was, after.kept)


def predictions_of(data: Prepared, before: Report | None, after: Report) -> dict[str, Stored]:
    """By side, what a later comparison with another run needs.

    Nothing of a language model: its truths are the tokens of the texts, which no redactor would see.
    """
    kept = {"before": before.kept if before is not None else None, "after": after.kept}
    return {
        side: Stored(found, data.objective.parts_of_quality(found, data.test))
        for side, found in kept.items()
        if found is not None and not (isinstance(found, Decisions) and not data.objective.label_names)
    }


def _own(kept: Kept | None, side: str) -> dict[str, float]:
    return {f"{key}_{side}": value for key, value in (kept.own() if kept is not None else {}).items()}


def difference(data: Prepared, before: Report, after: Report) -> dict[str, Any]:
    """Of the quality, with an interval where the quality is a ratio of sums over examples."""
    key = data.objective.quality.key
    found: dict[str, Any] = {"difference": after.metrics[key] - before.metrics[key]}
    assert before.kept is not None
    assert after.kept is not None
    parts = [data.objective.parts_of_quality(kept, data.test) for kept in (before.kept, after.kept)]
    if parts[0] is None or parts[1] is None:
        return found
    return found | {"difference_interval": list(paired_interval(parts[0], parts[1]))}


def _where(data: Prepared, was: Kept, now: Kept) -> dict[str, Any]:
    return now.where(was, data.objective.label_names, data.test.lengths)
