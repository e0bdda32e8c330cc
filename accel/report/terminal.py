"""The closing tables of a run, as the terminal and log.txt show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from accel.core.metric import metrics_of
from accel.core.steps import duration_text
from accel.report.figures import FigureRow, eager_of, engine_of, headline, rows_of, value_of
from accel.report.files import FIRST_ANSWER, NOTE, files_table

SHOWN = 2
"""Metrics of each file, for which eighty characters have room."""

__all__ = ["before_after_table", "exported_files", "headline", "time_table"]


def before_after_table(record: Mapping[str, Any]) -> Table | None:
    """Quality and cost before and after; one column when there is no before; None when nothing was measured."""
    after, before = record.get("after"), record.get("before")
    if not after:
        return None
    sides = _sides(before, after)
    table = Table(title=str(record.get("name", "")), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for title, _ in sides:
        table.add_column(title, justify="right", no_wrap=True)
    if before:
        table.add_column("change", justify="right", no_wrap=True)
    for row in rows_of(record):
        _add(table, row, [side for _, side in sides], bool(before))
    return table


def time_table(record: Mapping[str, Any]) -> Table | None:
    """Where the time went; None where nothing was timed."""
    timings = {name: float(seconds) for name, seconds in (record.get("timings") or {}).items()}
    if not timings:
        return None
    whole = max(float(record.get("seconds") or 0), sum(timings.values()))
    table = Table(box=SIMPLE_HEAD, title=f"Time: {duration_text(whole)}", title_justify="left")
    for title in ("", "took", "share"):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    for name, seconds in [*timings.items(), ("the rest", whole - sum(timings.values()))]:
        table.add_row(name, duration_text(seconds), f"{seconds / whole:.0%}" if whole else "")
    return table


def exported_files(record: Mapping[str, Any]) -> Table | None:
    """Every exported file; None when there is only the one for PyTorch, which the table above is about."""
    others = (metric.title for metric in metrics_of(record)[SHOWN:])
    header, rows = files_table(record, without=("file", "max |diff|", *others))
    if len(rows) < 2:
        return None
    table = Table(box=SIMPLE_HEAD, caption=NOTE if FIRST_ANSWER in header else None, caption_justify="left")
    for title in header:
        table.add_column(title.replace(" ", "\n", 1), justify="left" if title == header[0] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _sides(before: Any, after: Any) -> list[tuple[str, Any]]:
    sides = []
    plain = eager_of(before)
    if plain is not None and engine_of(before) != engine_of(plain):
        sides.append(("dense", plain))
    if before:
        sides.append(("best dense", before))
    named = [*sides, ("after" if before else "result", after)]
    return [(_heading(name, engine_of(side)), side) for name, side in named]


def _heading(name: str, engine: str) -> str:
    """One word to a line, so that four columns fit into eighty characters."""
    return "\n".join([name, *engine.split()])


def _add(table: Table, row: FigureRow, sides: list[Any], with_change: bool) -> None:
    values = [value_of(side, row) for side in sides]
    if all(value is None for value in values):
        return
    cells = ["" if value is None else row.text(value) for value in values]
    if with_change:
        first, last = values[0], values[-1]
        cells.append(row.change(last, first) if first is not None and last is not None else "")
    table.add_row(row.title, *cells)
