"""``accel FILE`` and ``accel data FILE``: what a file holds, and the command that learns it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from accel.config.arguments import flags_and_overrides
from accel.config.redact import redact_text
from accel.errors import ConfigError, DataError, ExitCode
from accel.look.look import Look, look
from accel.look.page import page
from accel.look.suspects import suspects_of
from accel.process.rank_info import RankInfo

SHOWN = 20
"""Suspects in the terminal."""


def main(words: Sequence[str], refusal_of: Callable[[Sequence[str]], str]) -> int:
    """Say what a file holds, and start nothing.

    Args:
        refusal_of: says why a run of these words is refused for its data; empty where it is not.

    Raises:
        DataError: it cannot be read, what it holds is not clear, or it has no labels that could be suspected.
    """
    arguments, typed = _parser().parse_known_args(words)
    if wrong := [word for word in typed if "=" not in word or word.startswith("-")]:
        raise ConfigError(f"accel data {arguments.file}: {wrong[0]} is no flag and no setting. See accel data --help.")
    found = look(arguments.file, typed)
    judged = suspects_of(found) if arguments.suspects is not None else None
    refusal = "" if found.sampled else refusal_of(found.words())
    if arguments.json:
        plain = found.plain() | {"refused": refusal or None} | (judged.plain() if judged else {})
        text = json.dumps(plain, ensure_ascii=False, indent=1)
    else:
        warned = [f"As the file is, that is refused: {refusal}"] if refusal else []
        text = "\n".join([told(found), *warned, *(judged.lines(arguments.suspects or 0) if judged else [])])
    print(redact_text(text))  # noqa: T201 - the command's own output
    if arguments.html is not None:
        _write(arguments.html, redact_text(page(found)))
    return ExitCode.DONE


def words_to_run(file: str, rest: Sequence[str]) -> list[str]:
    """What ``accel FILE`` runs, said before it does.

    Raises:
        DataError: the file cannot be read, what it holds is not clear, or no model here reads it.
    """
    flags, typed = flags_and_overrides(rest)
    found = look(file, typed)
    found.model.require()
    if RankInfo.of_environment(os.environ).leads_node:
        print(redact_text(told(found)), flush=True)  # noqa: T201 - the command's own output
    return [*found.words(), *flags]


def told(found: Look) -> str:
    """For the terminal."""
    return "\n".join(_lines(found))


def _lines(found: Look) -> Iterator[str]:
    yield f"{found.path}: {found.rows:,} rows{' and more' if found.sampled else ''}, {found.facts.language}"
    width = max(len(column.name) for column in found.columns)
    for column in found.columns:
        gaps = f" ({column.empty:,} empty)" if column.empty else ""
        yield f"  {column.name:<{width}}  {column.holds}{gaps}"
    yield f"Understood: task={found.reading.task}: {found.reading.why}."
    yield from (f"  {note}." for note in found.all_notes())
    yield f"The same in full:\n  {found.command()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="accel data", description="What a file holds, and the command that learns it; nothing is started."
    )
    parser.add_argument("file", metavar="FILE", help=".csv, .tsv, .jsonl, .json, .parquet, .xlsx or .conll")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--suspects",
        nargs="?",
        type=int,
        const=SHOWN,
        metavar="N",
        help=f"labels that are likely wrong; the first {SHOWN}",
    )
    parser.add_argument("--html", type=Path, metavar="F", help="write a page too")
    return parser


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf8")
    except OSError as error:
        raise DataError(f"--html {file} cannot be written ({error.strerror}). Give another file.") from None
