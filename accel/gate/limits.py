"""What a limit can be on: each reads one figure of a candidate, and knows which side of the limit is good."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accel.core.metric import Metric, metrics_of
from accel.errors import ConfigError, did_you_mean
from accel.gate.candidate import Candidate, MissingError, number
from accel.report.figures import bytes_text, metric_text, ms_text

MEGABYTE = 1e6


@dataclass(frozen=True)
class Limit:
    """A figure that may be no more than a number, or no less."""

    key: str
    """In a file of limits; on the command line with hyphens."""
    says: str
    """What it limits, with its unit."""
    measure: Callable[[Candidate], float]
    """Raises MissingError where the run has no such figure."""
    text: Callable[[float], str]
    more_is_better: bool = False

    def keeps(self, value: float, allowed: float) -> bool:
        """Whether the figure is on the good side; one that is no number never is."""
        return value >= allowed if self.more_is_better else value <= allowed


def _drop(candidate: Candidate) -> float:
    metric = candidate.quality
    after, before = (number(side, "metrics", metric.key) for side in (candidate.after, candidate.reference))
    return metric.gain(before) - metric.gain(after)


def _drop_at_worst(candidate: Candidate) -> float:
    """The end of the interval that is worse: of after - before in the metric's own direction."""
    ends = candidate.behaviour.get("difference_interval")
    if not isinstance(ends, list) or len(ends) != 2:
        raise MissingError("the record has no behaviour.difference_interval")
    return max(-candidate.quality.gain(float(end)) for end in ends)


def _flips(candidate: Candidate) -> float:
    """Of all that is judged, the part that was right and is wrong now."""
    return number(candidate.behaviour, "right_to_wrong") / number(candidate.behaviour, "predictions")


def _class_drop(candidate: Candidate) -> float:
    """F1 that the class with the largest loss has lost."""
    after, before = (_by_class(side) for side in (candidate.after, candidate.reference))
    if not before or before.keys() - after.keys():
        raise MissingError("the two models were not scored on the same classes")
    return max(before[label] - after[label] for label in before)


def _by_class(side: Mapping[str, Any]) -> dict[str, float]:
    return {str(row["label"]): number(row, "f1") for row in side.get("per_class") or ()}


def _latency(candidate: Candidate) -> float:
    return number(candidate.after, "cost", "latency_ms_p50")


def _slowdown(candidate: Candidate) -> float:
    if reason := candidate.other_machine():
        raise MissingError(reason)
    return _latency(candidate) / number(candidate.reference, "cost", "latency_ms_p50")


def _size(candidate: Candidate) -> float:
    return number(candidate.after, "cost", "size_bytes") / MEGABYTE


def _growth(candidate: Candidate) -> float:
    return number(candidate.after, "cost", "size_bytes") / number(candidate.reference, "cost", "size_bytes")


def _memory(candidate: Candidate) -> float:
    return number(candidate.after, "cost", "peak_memory_bytes") / MEGABYTE


def _epsilon(candidate: Candidate) -> float:
    stated = candidate.run.record.get("privacy")
    if not isinstance(stated, Mapping):
        raise MissingError("the run was not private")
    return number(stated, "epsilon") if stated.get("private") is True else math.inf


def _parity(candidate: Candidate) -> float:
    """Of the file whose answers lie farthest from the model's."""
    exports = candidate.run.record.get("exports") or ()
    if not exports:
        raise MissingError("the run exported nothing")
    return max(number(export, "max_abs_diff") for export in exports)


def _worst_group(candidate: Candidate) -> float:
    metric = candidate.group_quality
    if not metric.higher_is_better:
        raise MissingError(f"groups are judged by {metric.title}, of which less is better: limit max_group_drop")
    return min(_some(candidate.groups()).values(), key=metric.gain)


def _group_drop(candidate: Candidate) -> float:
    """What the group with the largest loss has lost."""
    gain, after, before = candidate.group_quality.gain, candidate.groups(), _some(candidate.groups_before())
    if before.keys() - after.keys():
        raise MissingError("the two models were not scored on the same groups")
    return max(gain(value) - gain(after[name]) for name, value in before.items())


def _some(groups: Mapping[str, float]) -> Mapping[str, float]:
    if len(groups) < 2:
        raise MissingError("the run has no two groups to compare: task.group=COLUMN names them, of 30 examples or more")
    return groups


def _points(value: float) -> str:
    return f"{100 * value:.2f} points"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _ratio(value: float) -> str:
    return f"{value:.2f}x"


def _megabytes(value: float) -> str:
    return bytes_text(value * MEGABYTE)


def _small(value: float) -> str:
    return f"{value:.3g}"


LIMITS = (
    Limit("max_drop", "quality lost", _drop, metric_text),
    Limit("max_drop_at_worst", "quality lost, at the worse end of its 95 % interval", _drop_at_worst, metric_text),
    Limit("max_flips", "part of the test split that was right and is wrong now", _flips, _percent),
    Limit("max_class_drop", "F1 lost by the class that lost most", _class_drop, _points),
    Limit("min_group_quality", "quality of the worst group", _worst_group, metric_text, more_is_better=True),
    Limit("max_group_drop", "quality lost by the group that lost most", _group_drop, metric_text),
    Limit("max_latency_ms", "latency p50 of one text, in milliseconds", _latency, ms_text),
    Limit("max_slowdown", "latency over the other model's", _slowdown, _ratio),
    Limit("max_size_mb", "megabytes to ship", _size, _megabytes),
    Limit("max_growth", "size over the other model's", _growth, _ratio),
    Limit("max_memory_mb", "growth of memory while answering, in megabytes", _memory, _megabytes),
    Limit("max_epsilon", "epsilon of a private run", _epsilon, _small),
    Limit("max_parity_difference", "largest difference of a file's answers from the model's", _parity, _small),
)
"""Every limit beside those on metrics, which a run's record names."""


def limit_on(metric: Metric) -> Limit:
    """On a metric of the record, in its own direction."""
    return Limit(
        metric.key,
        f"{metric.title} on the test split",
        lambda candidate: number(candidate.after, "metrics", metric.key),
        metric_text,
        more_is_better=metric.higher_is_better,
    )


def limit_named(key: str, candidate: Candidate) -> Limit:
    """The limit of that name: one of ``LIMITS``, ``quality``, or a metric of the candidate's record.

    Raises:
        ConfigError: with the nearest names.
    """
    known = {limit.key: limit for limit in LIMITS}
    stated = metrics_of(candidate.run.record)
    known |= {metric.key: limit_on(metric) for metric in stated}
    if stated:
        known["quality"] = limit_on(stated[0])
    elif key not in known:
        return Limit(key, "a metric", _none_stated, metric_text)
    if key not in known:
        raise ConfigError(f"There is no limit {key!r}. {did_you_mean(key, known)}")
    return known[key]


def _none_stated(candidate: Candidate) -> float:
    """Of a run that was refused or failed before anything was scored."""
    raise MissingError(f"the record of {candidate.run.folder} states no metric")
