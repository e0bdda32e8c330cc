"""Labelled rows, clean and de-duplicated, and the data set that their splits make; everything is counted. No torch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from accel.data import Dataset, Split
from accel.data.ranges import in_ranges
from accel.errors import DataError

IMBALANCED = 1.5
"""A majority class this many times its even share is worth a note."""
MISSING = "(missing)"
"""The group of a row whose cell is empty."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled row; ``where`` says where it came from."""

    texts: tuple[str, ...]
    label: str
    where: str = ""
    group: str = ""
    """What it is part of, as a document or a user, where that stays in one split."""
    owner: str = ""
    """Whose the row is, where the task says so."""
    strata: tuple[tuple[str, str], ...] = ()
    """Columns of ``task.group`` and the row's values: groups that figures are compared between."""

    @property
    def drawn_by(self) -> tuple[str, ...]:
        """What decides which split it is in."""
        return (self.group,) if self.group else self.texts


@dataclass
class Tally:
    """What happened to the rows."""

    dropped: int = 0
    duplicates: int = 0
    draws: int = 1
    """How often the splits were drawn; more than once only where a few rows would have left one empty."""
    notes: list[str] = field(default_factory=list)

    def drop(self, count: int, why: str) -> None:
        """Count rows that were left out and say why."""
        if count:
            self.dropped += count
            self.notes.append(f"{count} row{'s' if count > 1 else ''} dropped: {why}")

    def note(self, notes: Iterable[str]) -> None:
        """What is worth knowing, once."""
        self.notes += [note for note in notes if note not in self.notes]


def unique(examples: Iterable[Example], tally: Tally) -> list[Example]:
    """Each text once: repeated rows are counted; a text with two labels contradicts itself and goes altogether."""
    first: dict[tuple[str, ...], Example] = {}
    contradictory: set[tuple[str, ...]] = set()
    total = 0
    for example in examples:
        total += 1
        if first.setdefault(example.texts, example).label != example.label:
            contradictory.add(example.texts)
    kept = [e for texts, e in first.items() if texts not in contradictory]
    tally.duplicates += total - len(first)
    tally.drop(len(contradictory), "the same text has different labels")
    return kept


def sorted_labels(examples: Iterable[Example]) -> list[str]:
    """The labels that occur: numbers by value, then words by spelling."""
    return sorted({e.label for e in examples}, key=_label_order)


def _label_order(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def assemble(
    train: Sequence[Example],
    validation: Sequence[Example],
    test: Sequence[Example],
    tally: Tally,
    source: str,
    names: Sequence[str] = (),
) -> Dataset:
    """Check the splits against each other and number the labels.

    Args:
        source: what to name in messages, e.g. ``task.train=reviews.csv``.
        names: all labels by number, where others have numbered them; else those of training, sorted.

    Raises:
        DataError: fewer than two labels, a label that training never saw, or an empty split.
    """
    check_filled({"validation": validation, "test": test}, source, tally.notes)
    known = sorted_labels(train)
    if len(known) < 2:
        raise DataError(
            f"{source} has one label only ({known[0] if known else 'none'}): there is nothing to tell apart. Check "
            f"task.label, or add examples of another class."
        )
    for name, split in (("validation", validation), ("test", test)):
        check_known(name, split, known)
    names = list(names) or known
    number = {label: i for i, label in enumerate(names)}
    found = dataset_of((train, validation, test), lambda e: number[e.label], names, tally)
    return replace(found, notes=[*found.notes, *_imbalance(found.train, names), *_untested(found.test, names)])


def dataset_of(
    splits: Iterable[Sequence[Example]], learned: Callable[[Example], Any], names: Sequence[str], tally: Tally
) -> Dataset:
    """The splits as the rest of accel sees them.

    Args:
        learned: what the objective makes of an example's label.
    """
    made = [_split(examples, learned) for examples in splits]
    strata, notes = in_ranges([split.strata for split in made], MISSING)
    made = [replace(split, strata=groups) for split, groups in zip(made, strata, strict=True)]
    return Dataset(
        *made,
        label_names=list(names),
        fingerprint=_fingerprint(made, names),
        dropped=tally.dropped,
        duplicates=tally.duplicates,
        draws=tally.draws,
        notes=[*tally.notes, *notes],
    )


def check_filled(splits: Mapping[str, Sequence[Example]], source: str, notes: Sequence[str] = ()) -> None:
    """Refuse an empty split.

    Args:
        notes: what is known of the rows, for the message.

    Raises:
        DataError: which one.
    """
    for name, split in splits.items():
        if not split:
            raise DataError(
                f"{source}: no example is left for the {name} split. Add examples (at least ten of every label), "
                f"or name a file of its own with task.{name}=FILE." + f" Noticed: {'. '.join(notes)}." * bool(notes)
            )


def check_known(name: str, split: Sequence[Example], names: Sequence[str]) -> None:
    """Refuse a label that nobody could predict.

    Raises:
        DataError: naming the line.
    """
    for example in split:
        if example.label not in names:
            raise DataError(
                f"task.{name}, {example.where}: the label {example.label!r} never occurs in training, so it cannot be "
                f"predicted. Add examples of it to task.train, or correct it; training has: {', '.join(names)}."
            )


def _split(examples: Sequence[Example], learned: Callable[[Example], Any]) -> Split:
    owners = [e.owner for e in examples] if all(e.owner for e in examples) else []
    columns = [name for name, _ in examples[0].strata] if examples else []
    strata = {name: [dict(e.strata).get(name, MISSING) for e in examples] for name in columns}
    return Split([e.texts for e in examples], [learned(e) for e in examples], owners, strata)


def _imbalance(train: Split, names: Sequence[str]) -> list[str]:
    label, count = Counter(train.labels).most_common(1)[0]
    share = count / len(train)
    if share * len(names) < IMBALANCED:
        return []
    return [f"Classes are imbalanced: {names[label]!r} is {share:.1%} of training; always guessing it scores that much"]


def _untested(test: Split, names: Sequence[str]) -> list[str]:
    absent = [name for number, name in enumerate(names) if number not in set(test.labels)]
    if not absent:
        return []
    return [f"Never tested, for lack of examples in the test split: {', '.join(absent)}"]


def _fingerprint(splits: Sequence[Split], names: Sequence[str]) -> str:
    total = hashlib.sha256(json.dumps(list(names)).encode())
    for split in splits:
        for texts, label in zip(split.texts, split.labels, strict=True):
            total.update(json.dumps([texts, label]).encode())
        total.update(json.dumps(split.owners).encode() if split.owners else b"")
        total.update(b"|")
    return total.hexdigest()


def relocated(examples: Sequence[Example], where: str) -> list[Example]:
    """The same examples, saying which file they came from."""
    return [replace(e, where=f"{where}, {e.where}") for e in examples]
