"""The record as flat figures and a table, for trackers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accel.core.metric import quality_of
from accel.report.figures import rows_of, value_of

QUALITY = "after/validation_quality"
"""What a search looks for: the exported model's first metric, on the validation split."""
PRIVACY = ("private", "epsilon", "delta", "noise_multiplier", "epsilon_of_sweep_so_far", "runs_of_sweep_so_far")


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as flat figures, to compare in a dashboard: ``after/size_bytes``, ``prune/removed_heads``."""
    flat: dict[str, Any] = {"status": record["status"], "steps": record["steps"], "seconds": record["seconds"]}
    for side in ("before", "after"):
        for row in rows_of(record):
            value = value_of(record.get(side), row)
            if value is not None:
                flat[f"{side}/{row.key}"] = value
    quality, chosen_by = quality_of(record), (record.get("after") or {}).get("validation") or {}
    if quality is not None and quality.key in chosen_by:
        flat[QUALITY] = chosen_by[quality.key]
    for technique in record.get("techniques") or []:
        figures = {k: v for k, v in technique["evidence"].items() if isinstance(v, int | float)}
        flat |= {f"{technique['name']}/{key}": value for key, value in figures.items()}
    flat |= dict(_behaviour(record.get("behaviour") or {}))
    flat |= {f"explanation/{k}": v for k, v in (record.get("explanation") or {}).items() if isinstance(v, int | float)}
    flat |= {f"fairness/{k}": v for k, v in (record.get("fairness") or {}).items() if isinstance(v, int | float | str)}
    flat |= {f"federation/{k}": v for k, v in _federation(record.get("federation") or {}).items()}
    stated = record.get("privacy") or {}
    flat |= {f"privacy/{k}": stated[k] for k in PRIVACY if stated.get(k) is not None}
    if stated.get("audit"):
        flat["privacy/audit_passed"] = stated["audit"]["passed"]
    found = record.get("measurement") or {}
    return flat | {
        key: found[key] for key in ("speedup_vs_eager", "speedup_vs_best_dense", "size_ratio") if key in found
    }


def _federation(found: Mapping[str, Any]) -> dict[str, float]:
    """Its figures, and its bars; not those of single clients."""
    every = {**found, **(found.get("bars") or {})}
    return {key: value for key, value in every.items() if isinstance(value, int | float)}


def _behaviour(found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Its figures; of an interval both ends."""
    for key, value in found.items():
        if isinstance(value, int | float):
            yield f"behaviour/{key}", value
    for end, value in zip(("low", "high"), found.get("difference_interval") or (), strict=False):
        yield f"behaviour/difference_{end}", value


def per_class(record: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """(columns, rows) of the figures of each class on the test split; no rows where there are no classes."""
    classes = (record.get("after") or {}).get("per_class") or []
    return list(classes[0]) if classes else [], [list(one.values()) for one in classes]


def flips(record: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """(columns, rows) of what changed among the examples of each true class; counts alone, no texts."""
    classes = (record.get("behaviour") or {}).get("by_class") or []
    return list(classes[0]) if classes else [], [list(one.values()) for one in classes]


def confusion(record: Mapping[str, Any]) -> list[list[Any]]:
    """(true label, predicted label, how often) on the test split; nothing where there is no label for a text."""
    after = record.get("after") or {}
    names = [one["label"] for one in after.get("per_class") or []]
    matrix = after.get("confusion_matrix") or []
    return [[names[t], names[p], count] for t, row in enumerate(matrix) for p, count in enumerate(row)]


def table(record: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """(columns, rows) of the before/after table."""
    return ["figure", "before", "after"], list(_table_rows(record))


def _table_rows(record: Mapping[str, Any]) -> Iterator[list[Any]]:
    for row in rows_of(record):
        before, after = value_of(record.get("before"), row), value_of(record.get("after"), row)
        if after is not None:
            yield [row.title, before, after]
