"""Answers as JSON lines or CSV, in a file or on a terminal that may know ASCII alone; no torch."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from accel.errors import DataError

TEXT = "text"
"""What was asked, which has as many parts in every row."""


def json_lines(answers: Iterable[Mapping[str, Any]], *, ascii_only: bool) -> Iterator[str]:
    """An object a line."""
    for answer in answers:
        yield json.dumps(answer, ensure_ascii=ascii_only, default=str) + "\n"


def comma_separated(answers: Iterable[Mapping[str, Any]], *, ascii_only: bool) -> Iterator[str]:
    """A row each, with a header; of a nested value each part is a column, and a list of answers is JSON."""
    for number, answer in enumerate(answers):
        cells = dict(_flat(answer))
        for row in (list(cells), list(cells.values()))[number > 0 :]:
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(row)
            found = line.getvalue()
            yield found.encode("ascii", "backslashreplace").decode() if ascii_only else found


def _flat(answer: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in answer.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{part}", number) for part, number in value.items())
        elif isinstance(value, list) and name == TEXT:
            yield from ((f"{name}.{number}", part) for number, part in enumerate(value, start=1))
        elif isinstance(value, list):  # of another length in the next row, where a table has the same columns
            yield name, json.dumps(value, ensure_ascii=False)
        else:
            yield name, value


FORMATS = {"jsonl": json_lines, "csv": comma_separated}


def write(answers: Iterable[Mapping[str, Any]], kind: str | None, output: str | None) -> None:
    """To a file, or to the terminal; the format is the file's, where none is named.

    Raises:
        DataError: the file cannot be written, or its name says no format.
    """
    file = Path(output).expanduser() if output else None
    kind = kind or (file.suffix.lower().lstrip(".") if file else "jsonl")
    if kind not in FORMATS:
        raise DataError(f"--output {output}: name it .{' or .'.join(FORMATS)}, or add --format {next(iter(FORMATS))}.")
    if file is None:
        _print(FORMATS[kind](answers, ascii_only=not _knows_unicode(sys.stdout)))
        return
    try:
        with file.open("w", encoding="utf8", newline="") as target:
            target.writelines(FORMATS[kind](answers, ascii_only=False))
    except OSError as error:
        raise DataError(f"--output {output} cannot be written ({error.strerror}). Give another file.") from None


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line)
        sys.stdout.flush()


def _knows_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")
