"""``accel data FILE --suspects``: labels that are likely wrong, by a quick model that has not seen their rows."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from textwrap import shorten
from typing import Any

import numpy as np

from accel.data.spelling import label_of
from accel.errors import DataError
from accel.look.look import Look
from accel.ops.confident import suspects
from accel.ops.tfidf import tfidf_logistic

FOLDS = 5
PENALTY = 1.0
"""Stronger than that of the baseline: a model of wrong labels must not learn each of them."""
LEAST_ROWS = 50
TEXT = 90
"""Characters of a text in the terminal."""


@dataclass(frozen=True)
class Suspect:
    """A row whose label is likely wrong."""

    line: int
    """Of the file, as editors count."""
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float
    text: str


@dataclass(frozen=True)
class Found:
    """What was judged, and what came of it, the least believed first."""

    rows: int
    agreement: float
    """Share of the labels that the quick model answers by itself."""
    suspects: Sequence[Suspect]

    def lines(self, shown: int) -> Iterator[str]:
        """For the terminal."""
        share = len(self.suspects) / self.rows
        yield (
            f"Suspects: {len(self.suspects):,} of {self.rows:,} labels ({share:.1%}) are likely wrong, by a quick "
            f"model that agrees with {self.agreement:.0%} of them; the least believed first."
        )
        for s in self.suspects[:shown]:
            text = shorten(s.text, TEXT, placeholder=" …")
            yield (
                f"  line {s.line}: {s.given!r} ({s.given_probability:.2f}), rather {s.suggested!r} "
                f"({s.suggested_probability:.2f}): {text}"
            )
        if len(self.suspects) > shown:
            yield f"  and {len(self.suspects) - shown:,} more: --suspects {len(self.suspects)}, or --json has all."
        yield "Look before you change one: the quick model is wrong more often than people are."

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"judged": self.rows, "agreement": self.agreement, "suspects": [asdict(s) for s in self.suspects]}


def suspects_of(found: Look) -> Found:
    """Judge the labels of the rows that were looked at.

    Raises:
        DataError: they have no classes, or too few rows to learn from.
    """
    label = found.reading.label
    if not label or not found.reading.texts:
        raise DataError(
            f"{found.path} --suspects: labels can be judged where each text has one of several classes, and here "
            f"{found.reading.why}. Leave --suspects out, or name the column: task.label=COLUMN."
        )
    by_name = {column.name: column.cells for column in found.columns}
    rows = list(zip(found.lines, *(by_name[name] for name in found.reading.texts), by_name[label], strict=True))
    kept = [row for row in rows if all(str(cell if cell is not None else "").strip() for cell in row[1:])]
    texts = ["\n".join(map(str, row[1:-1])) for row in kept]
    names = [label_of(row[-1]) for row in kept]
    classes = sorted(set(names))
    if len(kept) < LEAST_ROWS or len(classes) < 2:
        raise DataError(
            f"{found.path} --suspects: {len(kept)} rows of {len(classes)} classes are too few to judge a label by the "
            f"others; {LEAST_ROWS} rows of two classes are the least."
        )
    given = np.array([classes.index(name) for name in names])
    judged = out_of_sample(texts, given, len(classes))
    suspected, other = suspects(judged, given), judged.argmax(1)
    believed = judged[np.arange(len(given)), given]
    order: list[int] = [i for i in np.argsort(believed, kind="stable").tolist() if suspected[i]]
    return Found(
        len(kept),
        float((other == given).mean()),
        [
            Suspect(
                int(kept[i][0]),
                names[i],
                classes[other[i]],
                float(believed[i]),
                float(judged[i, other[i]]),
                texts[i],
            )
            for i in order
        ],
    )


def out_of_sample(texts: Sequence[str], labels: np.ndarray, num_labels: int, seed: int = 0) -> np.ndarray:
    """Probabilities [texts, labels] by models that have seen neither the row nor another with its text.

    Raises:
        DataError: nothing can be learned from a part of them.
    """
    fold = np.array(folds(texts, labels, seed))
    found = np.zeros((len(texts), num_labels))
    for number in range(FOLDS):
        seen, asked = (np.nonzero(part)[0].tolist() for part in (fold != number, fold == number))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it would learn on after so many steps
            learned = labels[seen].tolist()
            answers = tfidf_logistic(
                [texts[i] for i in seen], learned, num_labels, [texts[i] for i in asked], penalty=PENALTY
            )
        if answers is None:
            raise DataError("--suspects: the texts have no word in them, so no label can be judged by the others.")
        found[asked] = np.exp(answers.log_probabilities)
    return found


def folds(texts: Sequence[str], labels: np.ndarray, seed: int) -> list[int]:
    """A number for each row: the same for equal texts, and about as many of each label in all."""
    first: Mapping[str, int] = dict(reversed([(text, int(label)) for text, label in zip(texts, labels, strict=True)]))
    unique = sorted(first)
    random.Random(seed).shuffle(unique)
    dealt = {text: number % FOLDS for number, text in enumerate(sorted(unique, key=first.__getitem__))}
    return [dealt[text] for text in texts]
