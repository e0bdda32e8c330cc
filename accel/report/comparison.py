"""Runs side by side as plain rows: what they chose, what came of it, and which are worth choosing among."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from itertools import product
from pathlib import Path

from accel.core.metric import Metric, every_metric, group_scores_of, metrics_of
from accel.errors import ConfigError, did_you_mean
from accel.report.columns import (
    BEFORE,
    COSTS,
    DRIFT,
    ERRORS_SD,
    FAIRNESS,
    FEDERATION,
    MONEY,
    NO_BILL,
    OF_GROUPS,
    PARETO,
    PEERS,
    RUN,
    RUNS,
    SD,
    WORDS,
    Column,
    Row,
    Value,
)
from accel.report.figures import metric_text
from accel.report.money import Bill, Prices, bill
from accel.report.pareto import Objective, pareto
from accel.report.peers import conditions, peers_of
from accel.report.record import status_of
from accel.report.records import Recorded
from accel.report.settings import differing, settings_of, written

OBJECTIVES = (Objective("latency_ms_p50", "minimize"), Objective("size_bytes", "minimize"))
"""What the Pareto mark is over, beside the quality on the test split."""
JUDGED_BY = "judged_by"
"""Key of a row that is no column: the metric that is the run's quality. Runs with different ones do not compete."""
KEYS_IN_LABEL = 4
FOLDED = ("refused", "dead")
"""What has no figures and never will."""


@dataclass(frozen=True)
class Comparison:
    """A table of runs; every row holds a value per column key."""

    rows: list[Row]
    settings: tuple[Column, ...]
    """The keys in which the runs differ."""
    metrics: tuple[Metric, ...] = ()
    """Of all runs, the qualities first."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """What each letter stands for; empty where all runs can be compared."""

    @property
    def quality(self) -> Metric | None:
        """What the charts are over: the first run's that was scored."""
        return next(iter(self.metrics), None)

    @property
    def competed_in(self) -> str:
        """What a marked run is nowhere beaten in, in words."""
        among = " on the same data and machine" if self.peers else ""
        return f"{self.quality.title if self.quality else 'quality'}, latency p50 and bytes to ship{among}"

    @property
    def figures(self) -> tuple[Column, ...]:
        """Numbers that the records have: metrics and costs."""
        judged_by = {str(row.get(JUDGED_BY)) for row in self.rows}
        return (*MONEY, *_metric_columns(self.metrics, judged_by), *COSTS, *DRIFT, *FAIRNESS, *FEDERATION)

    def bills(self, letter: str = "") -> dict[str, Bill]:
        """What each run costs by what tells it apart, of those that can be compared with each other."""
        names = Counter(str(row["run"]) for row in self.rows)
        return {
            f"{row['run']}" + (f" ({row['folder']})" if names[str(row["run"])] > 1 else ""): _bill(row)
            for row in self.rows
            if row.get(MONEY[0].key) is not None and (row.get(PEERS.key) or "") == letter
        }

    @property
    def every(self) -> tuple[Column, ...]:
        """All that there is."""
        return (PARETO, RUN, PEERS, *self.settings, RUNS, *self.figures, *WORDS)

    @property
    def columns(self) -> list[Column]:
        """Those in which at least one run has something."""
        return [c for c in self.every if any(row.get(c.key) not in (None, "") for row in self.rows)]

    def column(self, key: str, flag: str) -> Column:
        """The column that a flag of the command line names.

        Raises:
            ConfigError: no such column.
        """
        found = {c.key: c for c in self.every}
        if key not in found:
            raise ConfigError(f"{flag} {key}: there is no such column. {did_you_mean(key, found)}")
        return found[key]

    def sorted_by(self, key: str) -> Comparison:
        """The same rows, the best first, words by the alphabet; runs without a value come last."""
        column = self.column(key, "--sort")

        def rank(row: Row) -> tuple[bool, bool, float, str]:
            value = row.get(key)
            is_word = isinstance(value, str)
            number = 0.0 if value is None or isinstance(value, str) else float(value)
            return (value in (None, ""), is_word, -number if column.more_is_better else number, str(value))

        return replace(self, rows=sorted(self.rows, key=rank))

    def where(self, condition: str) -> Comparison:
        """The rows that meet a condition: ``size_ratio>=4``, ``compression=prune*``, ``status!=failed``.

        Raises:
            ConfigError: no condition, or no such column.
        """
        found = re.fullmatch(r"([\w.+-]+?)\s*(>=|<=|!=|=|>|<)\s*(.+)", condition)
        if found is None:
            raise ConfigError(
                f"--filter {condition!r} is no condition. Write KEY=TEXT, KEY!=TEXT, KEY>NUMBER or KEY<NUMBER, for "
                f"example --filter 'size_ratio>=4' --filter 'compression=prune*'."
            )
        key, sign, wanted = found.groups()
        self.column(key, "--filter")
        if sign[0] in "<>" and _number(wanted) is None:
            raise ConfigError(f"--filter {condition!r}: {wanted!r} is no number, and {sign} compares numbers.")
        return replace(self, rows=[row for row in self.rows if _meets(row.get(key), sign, wanted)])

    def first(self, most: int) -> tuple[Comparison, int]:
        """As many rows from the start, those of the Pareto front before others, and how many are left out."""
        ranked = sorted(range(len(self.rows)), key=lambda i: not self.rows[i][PARETO.key])  # stable
        kept = sorted(ranked[:most])
        return replace(self, rows=[self.rows[i] for i in kept]), len(self.rows) - len(kept)

    def folded(self) -> tuple[Comparison, str]:
        """Without the runs that have no figures and never will, and how many those are; all, if there are no others."""
        kept = [row for row in self.rows if row["status"] not in FOLDED]
        counts = Counter(str(row["status"]) for row in self.rows if row["status"] in FOLDED)
        if not kept or not counts:
            return self, ""
        return replace(self, rows=kept), ", ".join(f"{count} {status}" for status, count in counts.items())

    def mean_over(self, key: str) -> Comparison:
        """One row for all finished runs that differ in nothing but ``key``: mean, standard deviation and number.

        Raises:
            ConfigError: the runs do not differ in the key.
        """
        if key not in {c.key for c in self.settings}:
            known = [c.key for c in self.settings]
            raise ConfigError(f"--mean-over {key}: the runs do not differ in it. {did_you_mean(key, known)}")
        kept = tuple(c for c in self.settings if c.key != key)
        apart = [c.key for c in (*kept, PEERS)]
        groups: dict[tuple[Value, ...], list[Row]] = {}
        for number, row in enumerate(self.rows):
            alone = () if row["status"] == "finished" else (float(number),)
            groups.setdefault((*(row.get(k) for k in apart), *alone), []).append(row)
        means = [_mean(rows, kept, self.figures) for rows in groups.values()]
        return Comparison(_marked(means, self.metrics), kept, self.metrics, self.peers)


COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _meets(value: Value, sign: str, wanted: str) -> bool:
    if isinstance(value, str) or value is None:
        same = fnmatch(str(value or "").lower(), wanted.lower())
        return same if sign == "=" else not same if sign == "!=" else False
    number = _number(wanted)
    return sign == "!=" if number is None else COMPARE[sign](float(value), number)


def compare_runs(runs: Sequence[Recorded], prices: Prices | None = None) -> Comparison:
    """One row per run, in the given order; with prices also what it costs."""
    every = [settings_of(run) for run in runs]
    keys = differing(every)
    settings = tuple(Column(key, key) for key in keys)
    cells: list[Row] = [{key: written(own[key]) for key in keys if key in own} for own in every]
    usual = _usual(keys, cells)
    metrics = every_metric(run.record for run in runs)
    peers = peers_of(runs)
    letters = {text: letter for letter, text in peers.items()}
    rows = [
        _row(run, own, usual) | {PEERS.key: letters.get(conditions(run), "")} | _priced(run, prices)
        for run, own in zip(runs, cells, strict=True)
    ]
    return Comparison(_marked(_told_apart(rows), metrics), settings, metrics, peers)


def _told_apart(rows: Sequence[Row]) -> list[Row]:
    """Runs of the same settings are called by their folders too."""
    folders: dict[str, list[Path]] = {}
    for row in rows:
        folders.setdefault(str(row["run"]), []).append(Path(str(row["folder"])))
    return [
        row if len(some := folders[str(row["run"])]) < 2 else row | {"run": f"{row['run']} ({_tail(row, some)})"}
        for row in rows
    ]


def _tail(row: Row, folders: Sequence[Path]) -> str:
    """So much of its folder's end as tells it from the others."""
    own = Path(str(row["folder"]))
    tails = ("/".join(own.parts[-count:]) for count in range(1, len(own.parts) + 1))
    return next((t for t in tails if sum(f"/{other}".endswith(f"/{t}") for other in folders) < 2), str(own))


def _priced(run: Recorded, prices: Prices | None) -> Row:
    if prices is None:
        return {}
    found = bill(run.record, prices) if run.record.get("status") == "finished" else "it is not finished"
    if isinstance(found, str):
        return {NO_BILL: found}
    values = (found.total, found.errors, found.compute, found.memory, found.cpu_hours)
    cells: Row = {column.key: value for column, value in zip(MONEY, values, strict=True)}
    return cells | {ERRORS_SD: found.errors_sd}


def _bill(row: Row) -> Bill:
    """As ``_priced`` wrote it, or the mean of several; what those vary by among each other is no error of counting."""
    _, errors, compute, memory, hours = (float(row[column.key] or 0) for column in MONEY)
    known = row.get(ERRORS_SD)
    return Bill(hours, compute, memory, errors, None if known is None else float(known))


def _metric_columns(metrics: Sequence[Metric], judged_by: Collection[str]) -> Iterator[Column]:
    """Of a quality also what it was before, as far as there is room."""
    for metric in metrics:
        title = metric.title.replace(" ", "\n", 1)
        better = metric.higher_is_better
        if metric.key in judged_by:
            key, where = f"{metric.key}{BEFORE}", ("before", "metrics", metric.key)
            yield Column(key, f"{metric.title}\nbefore", metric_text, where, more_is_better=better)
        yield Column(metric.key, title, metric_text, ("after", "metrics", metric.key), more_is_better=better)


def _usual(keys: Sequence[str], cells: Sequence[Row]) -> Row:
    """What more than half of the runs have, where so many keys differ that a label has no room for all of them."""
    if len(keys) <= KEYS_IN_LABEL:
        return {}
    counts = {key: Counter(own[key] for own in cells if key in own).most_common(1)[0] for key in keys}
    return {key: value for key, (value, count) in counts.items() if count > len(cells) / 2}


def _row(run: Recorded, settings: Row, usual: Row) -> Row:
    unusual = {key: value for key, value in settings.items() if key not in usual or usual[key] != value}
    cost = (run.record.get("after") or {}).get("cost") or {}
    words: Row = {
        "run": _label(unusual) or str(run.record.get("name") or run.folder.name),
        "name": str(run.record.get("name") or run.folder.name),
        "status": status_of(run.record, run.folder),
        "worst_group": str((run.record.get("fairness") or {}).get("worst_group") or ""),
        "engine": f"{cost.get('engine', '')} {cost.get('dtype', '')}".strip(),
        "error": str(run.record.get("error") or ""),
        "folder": str(run.folder),
    }
    metrics = metrics_of(run.record)
    judged_by = metrics[0].key if metrics else ""
    figures = (*_metric_columns(metrics, [judged_by]), *COSTS, *DRIFT, *FAIRNESS, *FEDERATION)
    numbers = {c.key: run.number(*c.path) for c in figures}
    if any(not metric.higher_is_better for metric in group_scores_of(run.record)[:1]):
        numbers |= {column.key: None for column in OF_GROUPS}  # of an error, less is better: no column for both
    return settings | words | {JUDGED_BY: judged_by} | numbers


def _label(settings: Mapping[str, Value]) -> str:
    """What tells a run from its neighbours, in a few words: a key's last part is enough."""
    return " ".join(f"{k.rpartition('.')[2]}={Column(k, k).show(settings)}" for k in settings)


def _mean(rows: Sequence[Row], settings: Sequence[Column], figures: Sequence[Column]) -> Row:
    """Means where there are numbers, words that all have, and how many there are."""
    first = {c.key: rows[0][c.key] for c in settings if c.key in rows[0]}
    merged: Row = dict(first)
    merged["run"] = _label(first) or str(rows[0]["name"])
    merged["runs"], merged[JUDGED_BY] = float(len(rows)), rows[0].get(JUDGED_BY)
    merged[PEERS.key] = rows[0].get(PEERS.key)
    for column in figures:
        merged |= _spread(column.key, [float(v) for row in rows if isinstance(v := row.get(column.key), int | float)])
    for column in WORDS:
        merged[column.key] = rows[0][column.key] if len({row[column.key] for row in rows}) == 1 else ""
    return merged


def _spread(key: str, values: Sequence[float]) -> Row:
    if len(values) < 2:
        return {key: values[0] if values else None}
    return {key: statistics.fmean(values), f"{key}{SD}": statistics.stdev(values)}


def _marked(rows: Sequence[Row], metrics: Sequence[Metric]) -> list[Row]:
    """With the Pareto set marked; only what finished competes, among its peers, judged by the same metric."""
    best: set[int] = set()
    finished = {i: row for i, row in enumerate(rows) if row["status"] == "finished"}
    for metric, letter in product(metrics, {row.get(PEERS.key) for row in rows}):
        mine = {i: r for i, r in finished.items() if (r.get(JUDGED_BY), r.get(PEERS.key)) == (metric.key, letter)}
        best.update(pareto(mine, (Objective(metric.key, metric.direction), *OBJECTIVES)))
    return [{**row, "pareto": "*" if i in best else ""} for i, row in enumerate(rows)]


def write_csv(table: Comparison, file: Path) -> None:
    """All columns and all rows; numbers in full, words that a spreadsheet would execute made harmless."""
    import csv

    from accel.config.redact import redactor
    from accel.report.cells import safe_cell

    door = redactor()
    plain = (PARETO, RUN, PEERS, RUNS, *table.figures, *WORDS)  # in every file
    columns = [c.key for c in (*plain, *table.settings)]
    columns += [key for row in table.rows for key in row if key not in columns and key.endswith(SD)]
    with file.open("w", newline="", encoding="utf8") as target:
        writer = csv.DictWriter(target, list(dict.fromkeys(columns)), restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows({key: safe_cell(value) for key, value in door.tree(row).items()} for row in table.rows)
