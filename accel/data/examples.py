"""From labelled rows to three disjoint splits: clean, de-duplicated, everything counted. No torch.

Where a row goes is decided by a keyed hash of its text alone (or of its group, where rows that belong together stay
together), never by a shuffle, whose result depends on how many rows there are: whoever adds or removes a row moves no
other one. So the unit of differential privacy is a row, equal texts never stand in two splits, and a file that grows
keeps its test split.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from accel.data import Dataset, Split
from accel.data.ranges import in_ranges
from accel.data.spelling import LONE, label_of, mended, notes_on_labels
from accel.data.table import Table
from accel.errors import DataError

IMBALANCED = 1.5
"""A majority class this many times its even share is worth a note."""
MISSING = "(missing)"
"""The group of a row whose cell is empty."""
MOST_DRAWS = 50
"""Rows that still leave a split empty are too few; ``assemble`` says so."""
DRAWN_BY = "the text of each row"
"""How rows are drawn into splits; another way needs another name, so that no run goes on with other splits."""


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


Splits = tuple[list[Example], list[Example], list[Example]]
"""Train, validation, test."""


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


def examples_of(
    table: Table,
    text_columns: Sequence[str],
    label_column: str,
    tally: Tally,
    group_column: str | None = None,
    read: Callable[[Table, str, Tally], list[str]] | None = None,
) -> list[Example]:
    """The table's rows as examples; rows without text are dropped and counted.

    Args:
        group_column: of what stays in one split; None where each text goes by itself.
        read: makes the labels of a column; names of classes when absent.

    Raises:
        DataError: a missing column, label or group, a label that is no class, or no text at all.
    """
    tally.note(table.notes)
    columns = [texts_of(table, name, tally) for name in text_columns]
    labels = (read or labels_of)(table, label_column, tally)
    groups = groups_of(table, group_column) if group_column else [""] * len(labels)
    found = [
        Example(texts, label, f"line {line}", group)
        for texts, label, group, line in zip(zip(*columns, strict=True), labels, groups, table.lines, strict=True)
    ]
    with_text = [e for e in found if any(t.strip() for t in e.texts)]
    if not with_text:
        raise DataError(
            f"task.text={','.join(text_columns)}: all texts in {table.path} are empty. Choose another column."
        )
    tally.drop(len(found) - len(with_text), f"no text in {table.path.name}")
    return with_text


def texts_of(table: Table, column: str, tally: Tally) -> list[str]:
    """A column as texts; what is missing is empty, and halves of characters are replaced and counted.

    Raises:
        DataError: there is no such column, or it holds no texts.
    """
    values = table.column(column, "task.text")
    for value, line in zip(values, table.lines, strict=True):
        if isinstance(value, list | dict | bytes):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} holds a {type(value).__name__}, not a text. Choose "
                f"another column with task.text, or write it as a string."
            )
    texts = ["" if value is None or _is_nan(value) else str(value) for value in values]
    broken = [line for text, line in zip(texts, table.lines, strict=True) if LONE.search(text)]
    if broken:
        tally.notes.append(
            f"{len(broken)} text{'s' * (len(broken) > 1)} of {table.path.name} with half a character (a lone "
            f"surrogate), which is replaced; first in line {broken[0]}"
        )
    return [mended(text) for text in texts] if broken else texts


def groups_of(table: Table, column: str) -> list[str]:
    """What each row is part of, as ``task.split_by`` names it.

    Raises:
        DataError: there is no such column, or a row is part of nothing.
    """
    values = table.column(column, "task.split_by")
    for value, line in zip(values, table.lines, strict=True):
        if _is_missing(value):
            raise DataError(
                f"{table.path}, line {line}: column {column!r} of task.split_by is empty, so nobody knows what must "
                f"stay together with this row. Fill it in, or remove the row."
            )
    return [label_of(value) for value in values]


def labels_of(table: Table, column: str, tally: Tally) -> list[str]:
    """A column as names of classes.

    Raises:
        DataError: a missing column or label, or one that is no class.
    """
    values = filled(table, column)
    labels = [_label_of(table, line, column, value) for value, line in zip(values, table.lines, strict=True)]
    tally.note(notes_on_labels([str(value).strip() for value in values], labels))
    return labels


def filled(table: Table, column: str) -> list[Any]:
    """What a column has to say of each row.

    Raises:
        DataError: there is no such column, or it is empty somewhere.
    """
    values = table.column(column, "task.label")
    missing = [line for value, line in zip(values, table.lines, strict=True) if _is_missing(value)]
    if missing:
        raise DataError(
            f"{table.path}, line {missing[0]}: the label in column {column!r} is missing, as it is in {len(missing)} "
            f"of {len(values)} rows. Fill it in, or remove the row."
        )
    return values


def _is_missing(value: Any) -> bool:
    """A word such as ``nan`` is none: it is the code of a language, or somebody's name."""
    return value is None or _is_nan(value) or not label_of(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _label_of(table: Table, line: int, column: str, value: Any) -> str:
    if isinstance(value, list | dict | bytes):
        raise DataError(
            f"{table.path}, line {line}: the label in column {column!r} is a {type(value).__name__}. This task gives "
            f"each text exactly one label: write one number or word."
        )
    if isinstance(value, float) and math.isinf(value):
        raise DataError(
            f"{table.path}, line {line}: the label {value} in column {column!r} is no class. Write a number or a word."
        )
    if LONE.search(str(value)):
        raise DataError(
            f"{table.path}, line {line}: the label {value!a} in column {column!r} holds half a character (a lone "
            f"surrogate), so it was cut in two somewhere. Correct it."
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return label_of(value)


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


def split_off(examples: Sequence[Example], fraction: float, key: str) -> tuple[list[Example], list[Example]]:
    """(the rest, a part of about ``fraction`` of every label); each example, or each group, goes by itself.

    A label of n examples has ``fraction * n`` in the part, give or take ``sqrt(fraction * (1 - fraction) * n)``.

    Args:
        key: another key, another draw.
    """
    chosen = {texts for texts in {e.drawn_by for e in examples} if lot(texts, key) < fraction}
    return [e for e in examples if e.drawn_by not in chosen], [e for e in examples if e.drawn_by in chosen]


def lot(texts: Sequence[str], key: str) -> float:
    """A number in [0, 1) that belongs to a text, the same whatever else is in the file.

    Upper case and white space do not count, so that a text and its near copy stay together. The key needs no secrecy:
    what it buys is another draw.
    """
    plain = json.dumps([" ".join(text.split()).casefold() for text in texts])
    digest = hashlib.blake2b(plain.encode(), digest_size=8, key=hashlib.blake2b(key.encode()).digest()).digest()
    return int.from_bytes(digest, "big") / 2**64


def without_overlap(
    examples: Sequence[Example], split: str, held_out: Iterable[Example], held_out_name: str, tally: Tally
) -> list[Example]:
    """The examples whose text and group are not held out: a test must not be learned by heart.

    Raises:
        DataError: nothing is left, as when two splits name the same file.
    """
    held_out = list(held_out)
    seen, groups = {e.texts for e in held_out}, {e.group for e in held_out if e.group}
    kept = [e for e in examples if e.texts not in seen and e.group not in groups]
    if examples and not kept:
        raise DataError(
            f"task.{split}: all of its {len(examples)} texts{', or their groups,' * bool(groups)} are also in "
            f"task.{held_out_name}, so nothing is left. Give different files, or leave task.{held_out_name} out to "
            f"have it split off."
        )
    which = f"the text of {split}{', or its group,' * bool(groups)}"
    tally.drop(len(examples) - len(kept), f"{which} is also in {held_out_name}")
    return kept


def three_splits(
    train: Sequence[Example],
    test_fraction: float,
    validation_fraction: float,
    seed: int,
    *,
    validation: Sequence[Example] = (),
    test: Sequence[Example] = (),
    tally: Tally | None = None,
) -> Splits:
    """(train, validation, test), no text in two of them; what was not given is split off, each row by its own lot.

    A few rows may leave a split empty, or training with one label. They are drawn again, which is noted and counted in
    ``tally.draws``: only then does where a row goes depend on others.

    Raises:
        DataError: two of them are the same.
    """
    tally = tally or Tally()
    validation = without_overlap(validation, "validation", test, "test", tally)
    rest = without_overlap(train, "train", test, "test", tally)
    rest = without_overlap(rest, "train", validation, "validation", tally)
    sizes = (0.0 if test else test_fraction, 0.0 if validation else validation_fraction)

    def draw(number: int) -> tuple[Splits, int]:
        """The splits, and how many of their examples nobody could predict."""
        drawn = _drawn(rest, *sizes, key=f"{seed}/{number}")
        taught = _taught(*drawn)
        lost = sum(map(len, drawn)) - sum(map(len, taught))
        return (taught[0], list(validation) or taught[1], list(test) or taught[2]), lost

    tally.draws, (splits, lost) = 1, draw(1)
    while not _usable(splits, rest) and tally.draws < MOST_DRAWS:
        tally.draws += 1
        splits, lost = draw(tally.draws)
    untaught = sorted({e.label for e in rest} - {e.label for e in splits[0]})
    tally.drop(lost, f"training has no example of {', '.join(untaught)}")
    if tally.draws > 1:
        tally.notes.append(
            f"With so few rows a split was empty: they were drawn {tally.draws} times, so a row more or less may move "
            f"others. More rows, or files for task.validation and task.test, end that"
        )
    return splits


def drawn(
    train: Sequence[Example],
    test_fraction: float,
    validation_fraction: float,
    seed: int,
    *,
    validation: Sequence[Example] = (),
    test: Sequence[Example] = (),
    tally: Tally,
) -> Splits:
    """``three_splits`` of texts whose labels are no classes: none has to be in every split."""
    labels = {e.texts: e.label for split in (train, validation, test) for e in split}
    bare = [[replace(e, label="") for e in split] for split in (train, validation, test)]
    splits = three_splits(
        bare[0], test_fraction, validation_fraction, seed, validation=bare[1], test=bare[2], tally=tally
    )
    first, second, third = ([replace(e, label=labels[e.texts]) for e in split] for split in splits)
    return first, second, third


def _drawn(rest: Sequence[Example], test_fraction: float, validation_fraction: float, key: str) -> Splits:
    rest, test = split_off(rest, test_fraction, f"{key}/test")
    rest, validation = split_off(rest, validation_fraction, f"{key}/validation")
    return rest, validation, test


def _taught(train: list[Example], validation: list[Example], test: list[Example]) -> Splits:
    """Without what was split off of a label that training never saw: nobody could predict it.

    It is left out rather than moved into training, where the split of a row would depend on others.
    """
    known = {e.label for e in train}
    return train, [e for e in validation if e.label in known], [e for e in test if e.label in known]


def _usable(splits: Splits, rows: Sequence[Example]) -> bool:
    """Whether no split is empty, and training has something to tell apart if the rows have."""
    return all(splits) and len({e.label for e in splits[0]}) >= min(2, len({e.label for e in rows}))


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


def owned(examples: Sequence[Example], table: Table, column: str) -> list[Example]:
    """The same examples of a table's rows, each with its owner.

    Raises:
        DataError: there is no such column, or a row's is empty.
    """
    owners = dict(zip(table.lines, table.column(column, "task.owner"), strict=True))
    nobody = [line for line, owner in owners.items() if _is_missing(owner)]
    if nobody:
        raise DataError(
            f"{table.path}, line {nobody[0]}: the owner in column {column!r} is missing, as it is in {len(nobody)} of "
            f"{len(owners)} rows. Fill it in, or remove the row."
        )
    return [replace(e, owner=label_of(owners[int(e.where.removeprefix("line "))])) for e in examples]


def stratified(examples: Sequence[Example], table: Table, columns: Sequence[str]) -> list[Example]:
    """The same examples of a table's rows, each with its groups; an empty cell is a group too.

    Raises:
        DataError: there is no such column.
    """
    values = {name: dict(zip(table.lines, table.column(name, "task.group"), strict=True)) for name in columns}

    def strata(example: Example) -> tuple[tuple[str, str], ...]:
        line = int(example.where.removeprefix("line "))
        cells = ((name, column[line]) for name, column in values.items())
        return tuple((name, MISSING if _is_missing(cell) else label_of(cell)) for name, cell in cells)

    return [replace(e, strata=strata(e)) for e in examples]


def relocated(examples: Sequence[Example], where: str) -> list[Example]:
    """The same examples, saying which file they came from."""
    return [replace(e, where=f"{where}, {e.where}") for e in examples]
