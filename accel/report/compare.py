"""``accel compare``: runs and sweeps side by side, in the terminal, as CSV, as one page, and in W&B."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from accel.errors import ConfigError, ExitCode
from accel.report.comparison import Comparison, compare_runs, label, write_csv
from accel.report.records import find, privacy_remarks

if TYPE_CHECKING:
    from rich.table import Table

USAGE = "accel compare PATH… [--html F] [--csv F] [--wandb] [--sort KEY]"
PIPE_WIDTH = 150
"""Characters per line when the output is a file or a pipe, which have no width of their own."""
IN_TERMINAL = (
    "pareto",
    "status",
    "accuracy_before",
    "accuracy",
    "macro_f1",
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
    return compare(arguments.paths, html=arguments.html, csv=arguments.csv, wandb=arguments.wandb, sort=arguments.sort)


def compare(
    paths: Sequence[Path],
    html: Path | None = None,
    csv: Path | None = None,
    wandb: bool = False,
    sort: str | None = None,
) -> int:
    """Print the comparison and write what was asked for; returns the exit code."""
    table, remarks = load(paths)
    table = table.sorted_by(sort) if sort else table
    _print(table, remarks)
    if csv is not None:
        write_csv(table, _writable(csv, "--csv"))
    if html is not None:
        from accel.report.compare_page import render

        _writable(html, "--html").write_text(render(table), "utf8")
    if wandb:
        _log(table)
    return ExitCode.DONE


def load(paths: Sequence[Path]) -> tuple[Comparison, list[str]]:
    """The comparison of every run below the paths, and what had to be left out.

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
    return compare_runs(runs), [*remarks, *privacy_remarks(paths)]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] - argparse would print a usage and exit itself
        raise ConfigError(f"accel compare: {message}. Usage: {USAGE}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="accel compare", description="Runs and sweeps side by side, the Pareto front marked.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders of runs or sweeps, or of both")
    parser.add_argument("--html", type=Path, metavar="F", help="write one self-contained page")
    parser.add_argument("--csv", type=Path, metavar="F", help="write all columns")
    parser.add_argument("--wandb", action="store_true", help="log table and charts as one W&B run")
    parser.add_argument("--sort", metavar="KEY", help="a column of the CSV file; the best come first")
    return parser


def _writable(file: Path, flag: str) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise ConfigError(f"{flag} {file} cannot be written ({error.strerror}). Give another file.") from None
    return file


def _print(table: Comparison, remarks: Sequence[str]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    console.print(as_table(table))
    for line in [*_errors(table), *remarks]:
        console.print(line, markup=False, soft_wrap=True)


def as_table(table: Comparison) -> Table:
    """For the terminal: what fits; the rest is in the CSV file and on the page."""
    from rich.table import Table
    from rich.text import Text

    columns = [c for c in table.columns if c.key in IN_TERMINAL]
    drawn = Table(caption="* no other run is better in accuracy, latency p50 and bytes to ship", caption_justify="left")
    drawn.add_column("run", overflow="fold", min_width=RUN_WIDTH)
    for column in columns:
        drawn.add_column(column.title, justify="left" if column.text is None else "right")
    for row in table.rows:
        drawn.add_row(Text(label(row)), *(Text(column.show(row[column.key])) for column in columns))
    return drawn


def _errors(table: Comparison) -> Iterator[str]:
    for row in table.rows:
        if row["error"]:
            reason = shorten(str(row["error"]), ERROR_LENGTH, placeholder=" …")
            yield f"{row['status']}: {row['folder']}: {reason}"


def _log(table: Comparison) -> None:
    from accel.report.compare_page import charts
    from accel.tracker_adapters import log_comparison

    columns = table.columns
    rows = [[row[column.key] for column in columns] for row in table.rows]
    print(log_comparison([column.key for column in columns], rows, charts(table)))  # noqa: T201 - the command's output
