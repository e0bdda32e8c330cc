"""Three disjoint splits of examples. No torch.

Where a row goes is decided by a keyed hash of its text alone (or of its group, where rows that belong together stay
together), never by a shuffle, whose result depends on how many rows there are: whoever adds or removes a row moves no
other one. So the unit of differential privacy is a row, equal texts never stand in two splits, and a file that grows
keeps its test split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from accel.data.examples import Example, Tally
from accel.errors import DataError

MOST_DRAWS = 50
"""Rows that still leave a split empty are too few; ``assemble`` says so."""
DRAWN_BY = "the text of each row"
"""How rows are drawn into splits; another way needs another name, so that no run goes on with other splits."""
Splits = tuple[list[Example], list[Example], list[Example]]
"""Train, validation, test."""


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
