"""``accel watch``: whether a label comes more often in dated texts than it used to; exit code 5 where it does."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table
from rich.text import Text

from accel.config.redact import printable, redact
from accel.core.console import rich_console
from accel.data.times import number_of, seconds_of_date
from accel.errors import ConfigError, DataError, ExitCode, did_you_mean
from accel.inference.columns import text_columns_of
from accel.inference.light import predictor_of
from accel.watch.page import render
from accel.watch.periods import PERIODS
from accel.watch.stream import Dated, Said, dated, labels_of, said
from accel.watch.watched import Alarm, Period, Watched, watched
from accel.weights.meta import artifact_folder, read_meta

FEWEST = 50
"""Texts that say what is usual."""
SHOWN = 31
"""Periods in the terminal."""
WIDEST = 16
"""Characters of a bar."""


def main(words: Sequence[str]) -> int:
    """Watch one label, or every label of the model.

    Raises:
        ConfigError: a flag that makes no sense, or a label that the model cannot say.
        DataError: no model that names labels, no dated texts, or too few of them.
    """
    arguments = _parser().parse_args(words)
    _require_sense(arguments)
    folder = artifact_folder(arguments.run)
    labels = _labels(arguments.label, labels_of(read_meta(folder), arguments.run), arguments.run)
    columns = arguments.text.split(",") if arguments.text else text_columns_of(Path(arguments.run).expanduser())
    texts = dated(arguments.file, columns, arguments.date)
    num_usual = _num_usual(texts, arguments)
    answered = _answered(folder, texts)
    rarely = arguments.texts_between_false_alarms * len(labels)  # all labels together raise no more of them
    found = [watched(label, answered, num_usual, arguments.by, arguments.odds_ratio, rarely) for label in labels]
    _tell(found, arguments)
    return ExitCode.LIMIT_BROKEN if any(one.alarms for one in found) else ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="accel watch",
        description="Whether a label comes more often in dated texts than it used to; exit code 5 where it does.",
    )
    parser.add_argument("run", help="a run's folder, or its model/ folder")
    parser.add_argument("--in", dest="file", required=True, metavar="FILE", help="a table with texts and their dates")
    parser.add_argument("--date", required=True, metavar="COLUMN", help="dates, times, or seconds since 1970")
    parser.add_argument("--text", metavar="COLUMN[,COLUMN]", help="text columns; by default those of the run")
    parser.add_argument("--label", action="append", metavar="LABEL", help="may be repeated; by default every label")
    parser.add_argument("--by", choices=list(PERIODS), default="day", help="of a bar; by default day")
    parser.add_argument("--usual-until", metavar="DATE", help="texts before it say what is usual; by default a quarter")
    parser.add_argument("--odds-ratio", type=float, default=1.5, metavar="X", help="of the rise to find; 1.5")
    parser.add_argument(
        "--texts-between-false-alarms", type=float, default=10_000, metavar="N", help="on average, at least; 10000"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--html", type=Path, metavar="F", help="write a page, too")
    return parser


def _require_sense(arguments: argparse.Namespace) -> None:
    if not 1 < arguments.odds_ratio < float("inf"):
        raise ConfigError(
            f"--odds-ratio {arguments.odds_ratio:g}: a rise has odds above 1 times the usual ones; try 1.5."
        )
    if not 1 < arguments.texts_between_false_alarms < float("inf"):
        raise ConfigError(
            f"--texts-between-false-alarms {arguments.texts_between_false_alarms:g}: give a number of texts above 1."
        )


def _labels(asked: Sequence[str] | None, known: Sequence[str], run: str) -> list[str]:
    for label in asked or []:
        if label not in known:
            raise ConfigError(f"--label {label}: the model of {run} never says that. {did_you_mean(label, known)}")
    return list(dict.fromkeys(asked or known))


def _num_usual(texts: Sequence[Dated], arguments: argparse.Namespace) -> int:
    """How many texts, from the oldest on, say what is usual."""
    until = arguments.usual_until
    if until is None:
        count, which = len(texts) // 4, "the first quarter has"
    else:
        number = number_of(until)
        seconds = seconds_of_date(until) if number is None else number
        if seconds is None:
            raise ConfigError(f"--usual-until {until} is no date. Write it as 2026-11-29 or 2026-11-29T19:36:00.")
        count, which = sum(one.seconds < seconds for one in texts), f"before {until} there are"
    if count < FEWEST:
        raise DataError(
            f"--in {arguments.file}: {which} {count} texts, and {FEWEST} at least must say what is usual. Give older "
            f"texts too, or a later --usual-until."
        )
    if count == len(texts):
        raise DataError(f"--in {arguments.file}: all {count} texts are before {until}, so there is none to watch.")
    return count


def _answered(folder: Path, texts: Sequence[Dated]) -> list[Said]:
    """With a bar and an estimate on a terminal, as many texts take a while."""
    console = rich_console(stderr=True)
    answers, quiet = said(predictor_of(folder), texts), not console.is_terminal
    return list(track(answers, "answering", len(texts), console=console, transient=True, disable=quiet))


def _tell(found: Sequence[Watched], arguments: argparse.Namespace) -> None:
    if arguments.html is not None:
        try:
            arguments.html.write_text(
                render(found, arguments.file, arguments.by, [sentence(one) for one in found]), "utf8"
            )
        except OSError as error:
            raise DataError(f"--html {arguments.html} cannot be written: {error.strerror}.") from None
    if arguments.json:
        told = [_as_json(one) for one in found]
        print(json.dumps(redact(printable(told)), ensure_ascii=False, indent=1))  # noqa: T201 - the command's output
        return
    for one in found:
        _print(one)
    if arguments.html is not None:
        print(f"The page: {arguments.html}", file=sys.stderr)  # noqa: T201 - the command's own output


def _as_json(one: Watched) -> dict[str, Any]:
    return {
        "label": one.label,
        "usual": {"share": one.usual_hits / one.usual_texts, "at_most": one.watch.usual, "texts": one.usual_texts},
        "found_soonest": {"share": one.watch.risen, "after_texts": one.watch.delay_texts},
        "limit": one.watch.limit,
        "alarms": [asdict(alarm) for alarm in one.alarms],
        "periods": [{**asdict(period), "alarms": len(period.alarms)} for period in one.periods],
    }


def _print(one: Watched) -> None:
    console = rich_console()
    table = Table(box=SIMPLE_HEAD)
    for title in ("", "texts", one.label, "share", f"sum (of {one.watch.limit:.1f})"):
        table.add_column(Text(printable(title)), justify="left" if title in ("", "share") else "right")
    table.add_column("")
    for period in one.periods[-SHOWN:]:
        table.add_row(*map(Text, printable(_cells(period))), style="bold red" if period.alarms else "")
    lines = [sentence(one), *(alarm_sentence(one.label, alarm) for alarm in one.alarms)]
    console.print(table)
    if len(one.periods) > SHOWN:
        console.print(f"The last {SHOWN} of {len(one.periods)}; --json and --html tell all.")
    for line in redact(printable(lines)):
        console.print(line, markup=False, soft_wrap=True)


def _cells(period: Period) -> list[str]:
    bar = "█" * round(WIDEST * period.share)
    told = "ALARM" if period.alarms else "usual" if period.is_usual else ""
    share = f"{period.share:4.0%} {bar}"
    return [period.name, f"{period.texts:,}", f"{period.hits:,}", share, f"{period.sum:.1f}", told]


def sentence(one: Watched) -> str:
    """What is usual, and what would be found how soon."""
    if one.usual_hits == one.usual_texts:
        return f"{one.label}: all of {one.usual_texts:,} texts have it already, so no rise can be seen. Watch another."
    return (
        f"{one.label}: usually {one.usual_hits / one.usual_texts:.1%} of {one.usual_texts:,} texts, at most "
        f"{one.watch.usual:.1%} (95 %). A rise to {one.watch.risen:.1%} is found after about "
        f"{one.watch.delay_texts:,.0f} texts; false alarms are at least "
        f"{one.watch.texts_between_false_alarms:,.0f} texts apart on average."
    )


def alarm_sentence(label: str, alarm: Alarm) -> str:
    """When, since when, how much, and what was said."""
    quoted = "; ".join(f"“{text}”" for text in alarm.examples)
    return (
        f"ALARM {alarm.period}: {label} has risen since {alarm.since}, {alarm.hits:,} of {alarm.texts:,} texts "
        f"({alarm.hits / alarm.texts:.0%}). The newest: {quoted}"
    )
