"""``accel label POOL``: the texts worth labelling next, as a file to fill in."""

from __future__ import annotations

import argparse
import csv
import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accel.data.read_table import read_table
from accel.data.spelling import label_of
from accel.data.table import Table
from accel.errors import ConfigError, DataError, ExitCode
from accel.look.columns import columns_of
from accel.look.look import look
from accel.look.reading import Wish, texts_of
from accel.ops.choosing import worth_labelling
from accel.ops.tfidf import tfidf_logistic

USAGE = "accel label POOL [--budget 200] [--train FILE]… [--out F] [task.text=COLUMN] [task.label=COLUMN]"
BUDGET = 200
LINE, LABEL = "line", "label"
KEYS = ("task.text", "task.label")

Text = tuple[str, ...]


@dataclass(frozen=True)
class Labelled:
    """What is labelled so far."""

    columns: tuple[str, ...]
    label: str
    labels: Mapping[Text, str]
    """By text; of a text that stands there twice, the last."""


def main(words: Sequence[str]) -> int:
    """The command; see ``USAGE``.

    Raises:
        ConfigError: a flag that there is not, or a file that is there already.
        DataError: a file that cannot be read, or has no texts or no classes.
    """
    arguments, typed = _parser().parse_known_args(words)
    if wrong := [word for word in typed if not word.startswith(tuple(f"{key}=" for key in KEYS))]:
        raise ConfigError(f"accel label: {wrong[0]} is no flag of it. Usage: {USAGE}")
    if arguments.budget < 1:
        raise ConfigError(f"--budget {arguments.budget}: give the number of texts to label, from 1.")
    out = arguments.out or Path(arguments.pool).with_suffix(".label.csv")
    if out.suffix.lower() != ".csv":
        raise ConfigError(f"--out {out}: texts to label are written as CSV. Give a name that ends so: {out.stem}.csv.")
    if out.exists():
        raise ConfigError(f"{out} is there already, and may have labels in it. Give another file: --out F.")
    known = _labelled(arguments.train, typed)
    table, columns = _pool(arguments.pool, typed, known)
    rows = _unlabelled(table, columns, known)
    chosen = worth_labelling(["\n".join(row) for row in rows], _answers(known, rows), arguments.budget)
    label = known.label if known else Wish.of(typed).typed.get("task.label", LABEL)
    _write(out, [*columns, label, LINE], [(*row, "", rows[row]) for i, row in enumerate(rows) if i in set(chosen)])
    how = f"after {len(known.labels):,} labels" if known else "without any label: typical ones of each kind"
    print(  # noqa: T201 - the command's own output
        f"{len(chosen):,} of {len(rows):,} texts, chosen {how}, are in {out}. Fill its column {label!r}; then\n"
        f"  {_again(arguments, out)}\nchooses the next. {_learning(arguments, out)}"
    )
    return ExitCode.DONE


def _learning(arguments: argparse.Namespace, out: Path) -> str:
    """A run reads one file."""
    if not arguments.train:
        return f"To learn from them: accel {out}."
    return f"To learn from all labels, put {', '.join(map(str, [*arguments.train, out]))} into one file: accel FILE."


def _again(arguments: argparse.Namespace, out: Path) -> str:
    trained = [word for file in [*arguments.train, out] for word in ("--train", str(file))]
    following = out.with_name(f"{Path(arguments.pool).stem}.label{len(arguments.train) + 2}.csv")
    return shlex.join(["accel", "label", arguments.pool, *trained, "--out", str(following)])


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] - argparse would print a usage and exit itself
        raise ConfigError(f"accel label: {message}. Usage: {USAGE}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="accel label", description="The texts worth labelling next, as a file to fill in.")
    parser.add_argument("pool", metavar="POOL", help="a file of texts without labels")
    parser.add_argument("--budget", type=int, default=BUDGET, metavar="N", help=f"how many; {BUDGET} if not given")
    parser.add_argument(
        "--train", action="append", default=[], metavar="FILE", help="what is labelled so far; may repeat"
    )
    parser.add_argument("--out", type=Path, metavar="F", help="the CSV file to write; POOL.label.csv if not given")
    return parser


def _labelled(files: Sequence[str], typed: Sequence[str]) -> Labelled | None:
    """Of all files; they name their columns alike.

    Raises:
        DataError: a file has no classes, or other columns than the first.
    """
    found: Labelled | None = None
    for file in files:
        reading = look(file, typed).reading
        if not reading.label:
            raise DataError(f"--train {file}: texts are chosen where each has one of several classes; {reading.why}.")
        if found is not None and (found.columns, found.label) != (reading.texts, reading.label):
            raise DataError(
                f"--train {file}: its columns are {(*reading.texts, reading.label)}, and those of {files[0]} are "
                f"{(*found.columns, found.label)}. Name them alike."
            )
        table = read_table(file, "--train", columns={*reading.texts, reading.label})
        cells = zip(_texts(table, reading.texts), table.column(reading.label, "--train"), strict=True)
        labels = {text: label_of(cell) for text, cell in cells if not _blank(cell)}
        found = Labelled(reading.texts, reading.label, {**(found.labels if found else {}), **labels})
    return found


def _pool(file: str, typed: Sequence[str], known: Labelled | None) -> tuple[Table, tuple[str, ...]]:
    """The pool, and its columns of texts: those that the labelled files have, else what looks like texts.

    Raises:
        DataError: there are none, or more than one column could be meant.
    """
    table = read_table(file, "POOL")
    if known is not None:
        return table, known.columns
    found = tuple(column.name for column in texts_of(columns_of(table), Wish.of(typed), file))
    if not found:
        raise DataError(f"{file}: no column holds texts. Name one: task.text=COLUMN.")
    return table, found


def _texts(table: Table, columns: Sequence[str]) -> list[Text]:
    cells = zip(*(table.column(name, "task.text") for name in columns), strict=True)
    return [tuple("" if cell is None else str(cell) for cell in row) for row in cells]


def _blank(cell: Any) -> bool:
    return cell is None or not str(cell).strip()


def _unlabelled(table: Table, columns: Sequence[str], known: Labelled | None) -> dict[Text, int]:
    """Every text once, with its line, without those that have a label.

    Raises:
        DataError: none is left.
    """
    done = known.labels if known else {}
    rows: dict[Text, int] = {}
    for text, line in zip(_texts(table, columns), table.lines, strict=True):
        if text not in done and any(part.strip() for part in text):
            rows.setdefault(text, line)
    if not rows:
        raise DataError(f"{table.path} has no text that is not labelled yet. Give another pool.")
    return rows


def _answers(known: Labelled | None, rows: Mapping[Text, int]) -> np.ndarray | None:
    """What is learned from the labels so far; None where that is nothing."""
    if known is None:
        return None
    classes = sorted(set(known.labels.values()))
    texts, labels = ["\n".join(text) for text in known.labels], [classes.index(name) for name in known.labels.values()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it would learn on after so many steps
        found = tfidf_logistic(texts, labels, len(classes), ["\n".join(row) for row in rows])
    return None if found is None else np.exp(found.log_probabilities)


def _write(file: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Texts as they are, or what is learned from them would not be what was read; the pool has the same cells."""
    try:
        with file.open("w", newline="", encoding="utf8") as target:
            writer = csv.writer(target)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}). Give another file: --out F.") from None
