"""Runs side by side as plain rows: what they chose, what came of it, and which are worth choosing among."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accel.errors import ConfigError, did_you_mean
from accel.report.figures import bytes_text, metric_text, ms_text
from accel.report.pareto import pareto
from accel.report.records import Recorded

Value = str | float | None


@dataclass(frozen=True)
class Column:
    """One figure or word of every run."""

    key: str
    """Its name in CSV files and after ``--sort``, with its unit."""
    title: str
    text: Callable[[float], str] | None = None
    """How people read the number; None for words."""
    more_is_better: bool = False

    def show(self, value: Value) -> str:
        """The value for people; empty where there is none."""
        if value is None:
            return ""
        return self.text(value) if self.text is not None and isinstance(value, int | float) else str(value)


def _times(value: float) -> str:
    return f"{value:.2f}x"


def _seconds(value: float) -> str:
    return f"{value:.0f} s"


def _plain(value: float) -> str:
    return f"{value:.3g}"


COLUMNS = (
    Column("pareto", "Pareto"),
    Column("choices", "choices"),
    Column("overrides", "differs in"),
    Column("status", "status"),
    Column("accuracy_before", "accuracy\nbefore", metric_text, more_is_better=True),
    Column("accuracy", "accuracy", metric_text, more_is_better=True),
    Column("macro_f1", "macro\nF1", metric_text, more_is_better=True),
    Column("size_bytes", "bytes\nto ship", bytes_text),
    Column("size_ratio", "smaller", _times, more_is_better=True),
    Column("latency_ms_p50", "latency\np50", ms_text),
    Column("engine", "engine"),
    Column("speedup_vs_eager", "faster than\ndense eager", _times, more_is_better=True),
    Column("speedup_vs_best_dense", "faster than\nbest dense", _times, more_is_better=True),
    Column("epsilon", "epsilon", _plain),
    Column("seconds", "took", _seconds),
    Column("error", "error"),
    Column("name", "name"),
    Column("folder", "folder"),
)
"""The Pareto mark is over accuracy (more is better), latency p50 and bytes to ship (less is better)."""
FIGURES = {
    "accuracy_before": ("before", "metrics", "accuracy"),
    "accuracy": ("after", "metrics", "accuracy"),
    "macro_f1": ("after", "metrics", "macro_f1"),
    "size_bytes": ("after", "cost", "size_bytes"),
    "size_ratio": ("measurement", "size_ratio"),
    "latency_ms_p50": ("after", "cost", "latency_ms_p50"),
    "speedup_vs_eager": ("measurement", "speedup_vs_eager"),
    "speedup_vs_best_dense": ("measurement", "speedup_vs_best_dense"),
    "epsilon": ("privacy", "epsilon"),
    "seconds": ("seconds",),
}

SAME_RESULT = ("tracker",)
"""Groups whose choice changes nothing about a run's result."""


@dataclass(frozen=True)
class Comparison:
    """A table of runs; ``rows[i]`` holds a value per column key."""

    rows: list[dict[str, Value]]

    @property
    def columns(self) -> list[Column]:
        """Those in which at least one run has something."""
        return [c for c in COLUMNS if any(row[c.key] not in (None, "") for row in self.rows)]

    def sorted_by(self, key: str) -> Comparison:
        """The same rows, the best first, words by the alphabet; runs without a value come last.

        Raises:
            ConfigError: no such column.
        """
        column = next((c for c in COLUMNS if c.key == key), None)
        if column is None:
            raise ConfigError(f"--sort {key}: there is no such column. {did_you_mean(key, [c.key for c in COLUMNS])}")
        have = [row for row in self.rows if row[key] not in (None, "")]
        have.sort(key=lambda row: row[key], reverse=column.more_is_better)  # type: ignore[arg-type, return-value]
        return Comparison(have + [row for row in self.rows if row[key] in (None, "")])


def compare_runs(runs: Sequence[Recorded]) -> Comparison:
    """One row per run, in the given order."""
    best = set(pareto({i: run.record for i, run in enumerate(runs) if run.record.get("status") == "finished"}))
    choices, overrides = _differing_choices(runs), _differing_overrides(runs)
    return Comparison(
        [_row(run, choices[i], overrides[i], "*" if i in best else "") for i, run in enumerate(runs)],
    )


def _row(run: Recorded, choices: str, overrides: str, mark: str) -> dict[str, Value]:
    cost = (run.record.get("after") or {}).get("cost") or {}
    words: dict[str, Value] = {
        "pareto": mark,
        "name": str(run.record.get("name") or run.folder.name),
        "choices": choices,
        "overrides": overrides,
        "status": str(run.record.get("status") or ""),
        "engine": f"{cost.get('engine', '')} {cost.get('dtype', '')}".strip(),
        "error": str(run.record.get("error") or ""),
        "folder": str(run.folder),
    }
    return words | {key: run.number(*path) for key, path in FIGURES.items()}


def _differing_choices(runs: Sequence[Recorded]) -> list[str]:
    """Per run ``group=option`` for the groups in which not all runs chose alike; all groups of a single run."""
    known = [run.choices for run in runs if run.choices]
    groups = list(dict.fromkeys(group for choices in known for group in choices))
    groups = [g for g in groups if g not in SAME_RESULT]
    shown = [g for g in groups if len(runs) == 1 or len({choices.get(g) for choices in known}) > 1]
    return [" ".join(f"{g}={run.choices[g]}" for g in shown if g in run.choices) for run in runs]


def _differing_overrides(runs: Sequence[Recorded]) -> list[str]:
    """Per run the overrides that some other run does not have, unless its choices already say it."""
    typed = [run.overrides for run in runs]
    shared = set.intersection(*map(set, typed)) if len(typed) > 1 else set()
    return [
        " ".join(w for w in words if w not in shared and w.split("=", 1)[0].lstrip("+") not in run.choices)
        for words, run in zip(typed, runs, strict=True)
    ]


def label(row: dict[str, Value]) -> str:
    """What tells a run from its neighbours, in a few words."""
    told = " ".join(str(row[key]) for key in ("choices", "overrides") if row[key])
    return told or str(row["name"])


def write_csv(table: Comparison, file: Path) -> None:
    """All columns and all runs; numbers in full, words that a spreadsheet would execute made harmless."""
    import csv

    from accel.report.cells import safe_cell

    with file.open("w", newline="", encoding="utf8") as target:
        writer = csv.DictWriter(target, [c.key for c in COLUMNS])
        writer.writeheader()
        writer.writerows({key: safe_cell(value) for key, value in row.items()} for row in table.rows)
