"""Which validation a run has its weights of, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.core.metric import quality_of


def best_sentence(record: Mapping[str, Any]) -> str:
    """Of a run that chose among its validations."""
    found, quality = record["best"], quality_of(record)
    stopped = f"Stopped early, after step {record['steps']}. " if found["stopped_early"] else ""
    title = quality.title if quality is not None else "quality"
    first, *others = (f"step {step}" for step in found["steps"])
    best = f"the best of {len(found['validations'])} validations ({title} {found['best_single']:.4f})"
    if not others:
        return f"\n{stopped}The weights are those of {first}, {best}."
    together = f"together {found['quality']:.4f}"
    return f"\n{stopped}The weights are the mean of those of {first}, {best}, and of {', '.join(others)}: {together}."
