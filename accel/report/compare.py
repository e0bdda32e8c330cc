"""``accel compare``: runs and sweeps side by side, in the terminal, as CSV, as one page, and in W&B."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from accel.config.redact import redactor
from accel.core.console import rich_console
from accel.core.metric import LOSS
from accel.errors import ConfigError, ExitCode
from accel.report.comparison import RUN, WORDS, Column, Comparison, compare_runs, write_csv
from accel.report.records import Recorded, find, privacy_remarks

if TYPE_CHECKING:
    from rich.table import Table

USAGE = (
    "accel compare PATH… [--sort KEY] [--filter CONDITION]… [--columns KEY,KEY] [--mean-over seed] "
    "[--html F] [--csv F] [--wandb]"
)
PIPE_WIDTH = 150
"""Characters per line when the output is a file or a pipe, which have no width of their own."""
IN_TERMINAL = (  # and the metrics
    "pareto",
    "run",
    "runs",
    "status",
    "size_bytes",
    "size_ratio",
    "latency_ms_p50",
    "speedup_vs_best_dense",
    "epsilon",
    "seconds",
)
RUN_WIDTH, ERROR_LENGTH = 36, 400


def main(argv: Sequence[str]) -> int:
    """The command; see ``USAGE``.

    Raises:
        ConfigError: no path, a path that does not exist, no record below any, a file that cannot be written.
    """
    arguments = _parser().parse_args(argv)
    runs, remarks = load(arguments.paths)
    table = _chosen(compare_runs(runs), arguments)
    table = replace(table, rows=redactor().tree(table.rows))  # records of others, or of older versions
    columns = [table.column(key, "--columns") for key in arguments.columns.split(",")] if arguments.columns else None
    _print(table, columns, [*remarks, *privacy_remarks(arguments.paths)])
    if arguments.csv is not None:
        write_csv(table, _writable(arguments.csv, "--csv"))
    if arguments.html is not None:
        from accel.report.compare_page import render

        page = _writable(arguments.html, "--html")
        page.write_text(redactor().known(render(table, page.absolute().parent)), "utf8")
    if arguments.wandb:
        _send(table, runs)
    return ExitCode.DONE


def _chosen(table: Comparison, arguments: argparse.Namespace) -> Comparison:
    """What is left after the flags; conditions count before means are taken."""
    for condition in arguments.filter:
        table = table.where(condition)
    if arguments.mean_over:
        table = table.mean_over(arguments.mean_over)
    return table.sorted_by(arguments.sort) if arguments.sort else table


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
    parser.add_argument("--mean-over", metavar="KEY", help="one row per group of runs that differ in KEY alone")
    return parser


def _writable(file: Path, flag: str) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise ConfigError(f"{flag} {file} cannot be written ({error.strerror}). Give another file.") from None
    return file


def _print(table: Comparison, columns: Sequence[Column] | None, remarks: Sequence[str]) -> None:
    console = rich_console()
    if not console.is_terminal:
        console = rich_console(width=PIPE_WIDTH)
    console.print(as_table(table, columns))
    for line in [*_errors(table), *remarks]:
        console.print(line, markup=False, soft_wrap=True)


def as_table(table: Comparison, columns: Sequence[Column] | None = None) -> Table:
    """For the terminal: the columns asked for, or what fits; the rest is in the CSV file and on the page."""
    from rich.table import Table
    from rich.text import Text

    scores = {c.key for c in table.figures if "metrics" in c.path and c.key != LOSS.key}
    shown = columns or [c for c in table.columns if c.key in IN_TERMINAL or c.key in scores]
    drawn = Table(caption=f"* no other run is better in {table.competed_in}", caption_justify="left")
    for column in shown:
        if column.key == RUN.key:
            drawn.add_column(column.title, overflow="fold", min_width=RUN_WIDTH)
        else:
            drawn.add_column(column.title, justify="left" if column in WORDS else "right")
    for row in table.rows:
        drawn.add_row(*(Text(column.show(row)) for column in shown))
    return drawn


def _errors(table: Comparison) -> Iterator[str]:
    for row in table.rows:
        if row["error"]:
            reason = shorten(str(row["error"]), ERROR_LENGTH, placeholder=" …")
            yield f"{row['status']}: {row['folder']}: {reason}"


def _send(table: Comparison, runs: Sequence[Recorded]) -> None:
    from accel.report.workspace import send

    print(send(table, runs))  # noqa: T201 - the command's output
