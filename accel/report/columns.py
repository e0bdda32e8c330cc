"""What a table of runs has columns for: where the record holds each figure, and how people read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from accel.report.figures import bytes_text, metric_text, ms_text
from accel.report.money import amount

Value = str | float | None
Row = dict[str, Value]


@dataclass(frozen=True)
class Column:
    """One figure or word of every run."""

    key: str
    """Its name in CSV files and on the command line, with its unit."""
    title: str
    text: Callable[[float], str] | None = None
    """How people read the number; None for words and settings."""
    path: tuple[str, ...] = ()
    """Where the record has it."""
    more_is_better: bool = False

    def show(self, row: Mapping[str, Value]) -> str:
        """The value for people, with its standard deviation where the row is a mean; empty where there is none."""
        value, spread = row.get(self.key), row.get(f"{self.key}{SD}")
        if value is None:
            return ""
        shown = self._one(value)
        return f"{shown} ± {self._one(spread)}" if spread is not None else shown

    def _one(self, value: str | float) -> str:
        if isinstance(value, str):
            return value
        return self.text(value) if self.text is not None else f"{value:.6g}"


@dataclass(frozen=True)
class MoneyColumn(Column):
    """A part of a month's cost; a dash where it cannot be said."""

    text: Callable[[float], str] | None = amount

    def show(self, row: Mapping[str, Value]) -> str:
        """The amount, or that there is none."""
        return "—" if row.get(NO_BILL) else super().show(row)


def _times(value: float) -> str:
    return f"{value:.2f}x"


def _seconds(value: float) -> str:
    return f"{value:.0f} s"


def _plain(value: float) -> str:
    return f"{value:.3g}"


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


BEFORE = "_before"
"""Ends the key of a quality before anything was done to the model."""
SD = "_sd"
"""Ends the key of a standard deviation."""
RUN = Column("run", "run")
PARETO = Column("pareto", "*")
RUNS = Column("runs", "runs", _plain)
PEERS = Column("peers", "on")
"""A letter for all runs on the same data and machine: only among them a figure is better or worse than another."""
COSTS = (
    Column("size_bytes", "bytes\nto ship", bytes_text, ("after", "cost", "size_bytes")),
    Column("size_ratio", "smaller", _times, ("measurement", "size_ratio"), more_is_better=True),
    Column("latency_ms_p50", "latency\np50", ms_text, ("after", "cost", "latency_ms_p50")),
    Column(
        "speedup_vs_eager",
        "faster than\ndense eager",
        _times,
        ("measurement", "speedup_vs_eager"),
        more_is_better=True,
    ),
    Column(
        "speedup_vs_best_dense",
        "faster than\nbest dense",
        _times,
        ("measurement", "speedup_vs_best_dense"),
        more_is_better=True,
    ),
    Column("noise_ratio", "engine\nagainst itself", _times, ("measurement", "noise_ratio")),
    Column("epsilon", "epsilon", _plain, ("privacy", "epsilon")),
    Column("seconds", "took", _seconds, ("seconds",)),
)
DRIFT = (
    Column("agreement", "agrees with\ndense", metric_text, ("behaviour", "agreement"), more_is_better=True),
    Column(
        "probability_loyalty",
        "probability\nloyalty",
        metric_text,
        ("behaviour", "probability_loyalty"),
        more_is_better=True,
    ),
    Column("right_to_wrong", "right to\nwrong", _count, ("behaviour", "right_to_wrong")),
    Column("wrong_to_right", "wrong to\nright", _count, ("behaviour", "wrong_to_right"), more_is_better=True),
    Column("difference_low", "change\nfrom", _signed, ("behaviour", "difference_interval", "0")),
    Column("difference_high", "change\nto", _signed, ("behaviour", "difference_interval", "1")),
    Column("mcnemar_p", "McNemar p", _plain, ("behaviour", "mcnemar_p"), more_is_better=True),
    Column("mean_abs_change", "mean\nchange", _plain, ("behaviour", "mean_abs_change")),
    Column("ece_before", "ECE\nbefore", metric_text, ("behaviour", "ece_before")),
    Column("ece_after", "ECE", metric_text, ("behaviour", "ece_after")),
    Column("same_words", "same main\nwords", metric_text, ("explanation", "overlap"), more_is_better=True),
)
"""How the finished model differs from the dense one, prediction by prediction."""
OF_GROUPS = (
    Column("worst_group_after", "worst\ngroup", metric_text, ("fairness", "worst_after"), more_is_better=True),
    Column("hardest_change", "hardest hit\ngroup", _signed, ("fairness", "hardest_change"), more_is_better=True),
)
"""Of a quality of which more is better."""
FAIRNESS = (
    *OF_GROUPS,
    Column("demographic_parity", "parity\ndifference", metric_text, ("fairness", "demographic_parity_after")),
    Column("equalized_odds_before", "odds diff.\nbefore", metric_text, ("fairness", "equalized_odds_before")),
    Column("equalized_odds", "odds\ndifference", metric_text, ("fairness", "equalized_odds_after")),
)
"""Between the groups of the first column of ``task.group``."""
FEDERATION = (
    Column("rounds", "rounds", _count, ("federation", "rounds")),
    Column("bytes_per_round", "bytes\na round", bytes_text, ("federation", "bytes_per_round")),
    Column("worst_decile", "worst tenth\nof clients", metric_text, ("federation", "worst_decile"), more_is_better=True),
    Column("alone", "local\nonly", metric_text, ("federation", "bars", "alone"), more_is_better=True),
    Column("pooled", "pooled", metric_text, ("federation", "bars", "pooled"), more_is_better=True),
)
"""Of federated runs: what a round moves, the clients where the model is worst, and what is reached without them."""
MONEY = (
    MoneyColumn("cost_per_month", "cost\na month"),
    MoneyColumn("errors_per_month", "errors\na month"),
    MoneyColumn("compute_per_month", "compute\na month"),
    MoneyColumn("memory_per_month", "memory\na month"),
    MoneyColumn("cpu_hours_per_month", "CPU hours\na month"),
)
"""By the prices that were given, if any."""
NO_BILL, ERRORS_SD = "no_bill", "errors_per_month_error"
"""Keys of a row that are no columns: why it has no cost, and the standard error of what its errors cost."""
WORDS = (
    Column("engine", "engine"),
    Column("worst_group", "which is\nworst"),
    Column("status", "status"),
    Column("error", "error"),
    Column("name", "name"),
    Column("folder", "folder"),
)
