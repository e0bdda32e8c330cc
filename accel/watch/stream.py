"""Dated texts in order, and what a model says of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.data.times import number_of, times_of
from accel.errors import DataError
from accel.inference.rows import Keys, Query, rows_of
from accel.objective.answers import ANSWERS

if TYPE_CHECKING:
    from accel.core.meta import Meta
    from accel.inference.light import LightPredictor
    from accel.inference.predictor import Predictor

FIRST_YEAR = 365 * 86_400
"""Seconds of 1970."""
KEYS = Keys("--in", "--text", "--date")


@dataclass(frozen=True)
class Dated:
    """A text, and when it was written."""

    query: Query
    seconds: float


@dataclass(frozen=True)
class Said:
    """What a model says of it."""

    text: str
    seconds: float
    labels: frozenset[str]


def dated(file: str, columns: Sequence[str], date: str) -> list[Dated]:
    """The texts of a table, the oldest first; what has no words is left out.

    Raises:
        DataError: no column of dates, a date that is none, or no text.
    """
    rows = [row.mended() for row in rows_of(file, columns, [date], KEYS)]
    if not all(date in row.kept for row in rows):
        raise DataError(f"--in {file} has texts and no columns. Give a table, one of whose columns says when: --date.")
    column = f"column {date!r} of --date"
    times = times_of([row.kept[date] for row in rows], lambda place: f"{file}, row {place + 1}", column)
    if max(times) < FIRST_YEAR and all(number_of(row.kept[date]) is not None for row in rows):
        raise DataError(
            f"{column} of {file} holds numbers up to {max(times):g}: as seconds since 1970 all of them are in that "
            f"year, so they rather number the rows. Name a column of dates."
        )
    found = [Dated(row, seconds) for row, seconds in zip(rows, times, strict=True) if not row.is_empty]
    if not found:
        raise DataError(f"--in {file} holds no text in {', '.join(columns)}. Name another column with --text.")
    return sorted(found, key=lambda one: one.seconds)


def said(predictor: Predictor | LightPredictor, texts: Sequence[Dated]) -> Iterator[Said]:
    """One by one; the model names labels."""
    names = ANSWERS[predictor.meta.objective].of(predictor.meta).named
    found = predictor.stream([one.query.text for one in texts])
    for one, prediction in zip(texts, found, strict=True):
        text = one.query.text if isinstance(one.query.text, str) else " | ".join(one.query.text)
        yield Said(text, one.seconds, names(prediction.answer))


def labels_of(meta: Meta, run: str) -> list[str]:
    """What the model can say.

    Raises:
        DataError: its answers name no labels.
    """
    answers = ANSWERS.get(meta.objective)
    if answers is None or not (labels := answers.of(meta).can_name()):
        raise DataError(
            f"{run} holds a model of {meta.objective}, whose answers name no labels that could be counted. Give the "
            f"folder of a run of a classification or of entities."
        )
    return labels
