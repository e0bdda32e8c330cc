"""What a workspace in W&B shows of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from accel.core.metric import QUALITY
from accel.report.comparison import Comparison


@dataclass(frozen=True)
class View:
    """What a workspace shows, by the names that ``accel.report.summary.summary`` logs under."""

    quality: str
    costs: tuple[str, ...]
    settings: tuple[str, ...]
    """Keys of the configuration in which the runs differ."""
    curves: tuple[str, ...]
    tables: tuple[str, ...]


def view_of(table: Comparison) -> View:
    """For the runs of a comparison."""
    quality = table.quality
    has_epsilon = any(row.get("epsilon") is not None for row in table.rows)
    return View(
        quality=f"after/{quality.key}" if quality else "after/quality",
        costs=("after/latency_ms_p50", "after/size_bytes", *(("privacy/epsilon",) if has_epsilon else ())),
        settings=tuple(c.key for c in table.settings),
        curves=("train/loss", quality.logged if quality else QUALITY),
        tables=("before_after", "runs"),
    )
