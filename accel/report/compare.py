"""``accel compare``: runs and sweeps side by side, in the terminal, as CSV, as one page, and in W&B."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from rich.cells import cell_len

from accel.config.compose import GROUPS
from accel.config.redact import redactor
from accel.core.console import rich_console
from accel.core.metric import LOSS
from accel.errors import ConfigError, ExitCode
from accel.report.columns import MONEY, NO_BILL, PEERS, RUN, WORDS, Column
from accel.report.comparison import JUDGED_BY, Comparison, compare_runs, write_csv
from accel.report.money import PRICES, Prices, said
from accel.report.records import Recorded, busy_remarks, find, privacy_remarks

if TYPE_CHECKING:
    from rich.table import Table

USAGE = (
    "accel compare PATH… [--sort KEY] [--filter CONDITION]… [--columns KEY,KEY] [--mean-over seed] "
    "[--html F] [--csv F] [--all] [--wandb] "
    "[--price-per-cpu-hour P --requests-per-month N --cost-per-error P [--price-per-gb-month P]]"
)
PIPE_WIDTH = 150
"""Characters per line when the output is a file or a pipe, which have no width of their own."""
ALWAYS = ("pareto", "peers")
IN_TERMINAL = (
    "size_bytes",
    "latency_ms_p50",
    "engine",
    "status",
    "epsilon",
    "runs",
    "speedup_vs_best_dense",
    "size_ratio",
)
"""After the qualities, as long as there is room; then the other metrics, and how long it took."""
BORDER = " | "
"""What a column takes beside its text."""
GROUP = re.compile(rf"\b(?:{'|'.join(GROUPS)})=(?!none\b|\d)")
MOST_ROWS = 200
"""In the terminal; those with a mark are never left out."""
RUN_WIDTH, RUN_LINES, ERROR_LENGTH = 22, 3, 400
"""A run's name has the room that figures leave, and at least so many characters."""


def main(argv: Sequence[str]) -> int:
    """The command; see ``USAGE``.

    Raises:
        ConfigError: no path, a path that does not exist, no record below any, a file that cannot be written, or prices
            by which no run can be told.
    """
    arguments = _parser().parse_args(argv)
    prices = Prices.of({key: getattr(arguments, key) for key in PRICES}, _flag)
    runs, remarks = load(arguments.paths)
    table = _chosen(compare_runs(runs, prices), arguments)
    if prices is not None:
        remarks = [*_money(table, prices), *remarks]
    table = replace(table, rows=redactor().tree(table.rows))  # records of others, or of older versions
    columns = [table.column(key, "--columns") for key in arguments.columns.split(",")] if arguments.columns else None
    remarks += [*busy_remarks(runs), *privacy_remarks(arguments.paths)]
    _print(table, columns, remarks, fold=not (arguments.all or columns))
    if arguments.csv is not None:
        write_csv(table, _writable(arguments.csv, "--csv"))
    if arguments.html is not None:
        from accel.report.compare_page import render

        page = _writable(arguments.html, "--html")
        page.write_text(redactor().known(render(table, page.absolute().parent, prices)), "utf8")
    if arguments.wandb:
        _send(table, runs)
    return ExitCode.DONE


def _chosen(table: Comparison, arguments: argparse.Namespace) -> Comparison:
    """What is left after the flags; conditions count before means are taken."""
    for condition in arguments.filter:
        table = table.where(condition)
    if arguments.mean_over:
        table = table.mean_over(arguments.mean_over)
    by = arguments.sort or (MONEY[0].key if any(row.get(MONEY[0].key) is not None for row in table.rows) else None)
    return table.sorted_by(by) if by else table


def _money(table: Comparison, prices: Prices) -> list[str]:
    """What the prices say: the cheapest of those that can be compared, and why others have no cost.

    Raises:
        ConfigError: no run has one.
    """
    reasons = Counter(str(row[NO_BILL]) for row in table.rows if row.get(NO_BILL))
    if reasons and sum(reasons.values()) == len(table.rows):
        told = "; ".join(reasons)
        raise ConfigError(f"None of these runs can be priced: {told}. Leave {_flag(PRICES[0])} and its like out.")
    lines = [line for letter in table.peers or [""] for line in _prefixed(letter, table, prices)]
    return [*lines, *(f"No cost for {count} of the runs: {reason}." for reason, count in reasons.items())]


def _prefixed(letter: str, table: Comparison, prices: Prices) -> list[str]:
    return [f"{letter}  {line}" if letter else line for line in said(table.bills(letter), prices)]


def load(paths: Sequence[Path]) -> tuple[list[Recorded], list[str]]:
    """Every run below the paths, and what had to be left out.

    Raises:
        ConfigError: a path that does not exist, or no record below any.
    """
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path} does not exist. Give folders of runs or sweeps, e.g. accel compare outputs.")
    runs, remarks = find(paths)
    if not runs:
        where = ", ".join(map(str, paths))
        reasons = "".join(f"\n  {remark}" for remark in remarks)
        raise ConfigError(f"There is no readable record of a run (result.json) in {where}.{reasons}")
    return runs, remarks


def _flag(price: str) -> str:
    return f"--{price.replace('_', '-')}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] - argparse would print a usage and exit itself
        raise ConfigError(f"accel compare: {message}. Usage: {USAGE}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="accel compare", description="Runs and sweeps side by side, the Pareto front marked.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders of runs or sweeps, or of both")
    parser.add_argument("--html", type=Path, metavar="F", help="write one self-contained page")
    parser.add_argument("--csv", type=Path, metavar="F", help="write all columns")
    parser.add_argument("--wandb", action="store_true", help="log the table as a W&B run, and save a workspace view")
    parser.add_argument("--sort", metavar="KEY", help="a column of the CSV file; the best come first")
    parser.add_argument("--filter", metavar="CONDITION", action="append", default=[], help="e.g. 'size_ratio>=4'")
    parser.add_argument("--columns", metavar="KEY,KEY", help="columns of the CSV file, to show in the terminal")
    parser.add_argument("--all", action="store_true", help="refused and dead runs too, a row each")
    parser.add_argument("--mean-over", metavar="KEY", help="one row per group of runs that differ in KEY alone")
    told = (
        "of one core",
        "texts answered in a month",
        "of a wrong answer",
        "of memory for the bytes to ship; 0 if not given",
    )
    for key, text in zip(PRICES, told, strict=True):
        parser.add_argument(_flag(key), type=float, metavar="P", help=f"as money: {text}")
    return parser


def _writable(file: Path, flag: str) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise ConfigError(f"{flag} {file} cannot be written ({error.strerror}). Give another file.") from None
    return file


def _print(table: Comparison, columns: Sequence[Column] | None, remarks: Sequence[str], *, fold: bool) -> None:
    console = rich_console()
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console = rich_console(width=PIPE_WIDTH)
    shown, folded = table.folded() if fold else (table, "")
    shown, cut = shown.first(MOST_ROWS)
    chosen = columns or fitting(shown, console.width)
    console.print(as_table(shown, chosen, console.width))
    notes = [f"{letter}  {text}" for letter, text in table.peers.items()]
    engines = {str(row["engine"]) for row in shown.rows if row["engine"]}
    if len(engines) == 1:
        notes.append(f"All measured on {engines.pop()}.")
    if cut:
        notes.append(f"{cut:,} more runs: --sort and --filter choose, --csv F and --html F have all.")
    if folded:
        notes.append(f"{folded}: no figures, not shown; --all shows them.")
    if columns is None:
        hidden = [column.key for column in shown.columns if column not in chosen]
        notes.append(f"More columns, by --columns: {', '.join(hidden)}")
    for line in [*notes, *_errors(shown), *remarks]:
        console.print(line, markup=False, soft_wrap=True)


def fitting(table: Comparison, width: int) -> list[Column]:
    """The columns that people choose by, as far as there is room: figures first, and what tells the run last."""
    there = {column.key: column for column in table.columns}
    qualities = [m.key for m in table.metrics if m.key != LOSS.key]
    judged = [key for key in qualities if key in {row.get(JUDGED_BY) for row in table.rows}]
    money = [column.key for column in MONEY[:3]]
    wanted = dict.fromkeys((*ALWAYS, *money, *judged, *IN_TERMINAL, *qualities, "seconds"))
    shown, room = [], width - 1 - RUN_WIDTH - len(BORDER)
    for key in wanted:
        column = there.get(key)
        if column is None or (column in WORDS and len({row[key] for row in table.rows if row[key]}) == 1):
            continue
        room -= _width(column, table) + len(BORDER)
        if room < 0:
            break
        shown.append(column)
    return [*shown, RUN]


def _width(column: Column, table: Comparison) -> int:
    """Of the widest cell, as it is drawn."""
    texts = [*column.title.split("\n"), *(column.show(row) for row in table.rows)]
    return max(map(cell_len, texts))


def as_table(table: Comparison, columns: Sequence[Column], width: int) -> Table:
    """For the terminal; peers stand together."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(caption=f"* no other run is better in {table.competed_in}", caption_justify="left")
    for column in columns:
        drawn.add_column(column.title, justify="left" if column in WORDS or column == RUN else "right", overflow="fold")
    room = width - 1 - sum(_width(column, table) + len(BORDER) for column in columns if column != RUN) - len(BORDER)
    longest = RUN_LINES * max(room, RUN_WIDTH)
    for row in sorted(table.rows, key=lambda row: str(row.get(PEERS.key) or "")):
        cells = (_shortened(column.show(row), longest) if column == RUN else column.show(row) for column in columns)
        drawn.add_row(*map(Text, cells))
    return drawn


def _shortened(text: str, longest: int) -> str:
    """An option says by itself of which group it is."""
    text = GROUP.sub("", text)
    return text if cell_len(text) <= longest else f"{text[: longest - 1]}…"


def _errors(table: Comparison) -> Iterator[str]:
    for row in table.rows:
        if row["error"]:
            reason = shorten(str(row["error"]), ERROR_LENGTH, placeholder=" …")
            yield f"{row['status']}: {row['folder']}: {reason}"


def _send(table: Comparison, runs: Sequence[Recorded]) -> None:
    from accel.report.workspace import send

    print(send(table, runs))  # noqa: T201 - the command's output
