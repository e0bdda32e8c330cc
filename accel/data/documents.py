"""From documents to three disjoint splits: clean, de-duplicated, everything counted. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from accel.data import Dataset, Split
from accel.data.columns import texts_of
from accel.data.examples import Example, Tally, unique
from accel.data.paragraphs import read_paragraphs
from accel.data.read_table import READERS, read_table
from accel.errors import DataError


def read_documents(path: str, key: str, column: str, tally: Tally) -> list[Example]:
    """The different documents of a file: its rows, or in a .txt what blank lines set apart.

    Raises:
        DataError: whatever is wrong with the file; or there is no text in it.
    """
    table = read_table(path, key, {**READERS, ".txt": read_paragraphs}, [column])
    tally.note(table.notes)
    texts = texts_of(table, column, tally)
    found = [document(text) for text in texts if text.strip()]
    if not found:
        raise DataError(f"task.text={column}: all texts in {table.path} are empty. Choose another column.")
    tally.drop(len(texts) - len(found), f"no text in {table.path.name}")
    return unique(found, tally)


def document(text: str) -> Example:
    """A text without a label."""
    return Example((text,), "")


def assemble(
    train: Sequence[Example], validation: Sequence[Example], test: Sequence[Example], tally: Tally, source: str
) -> Dataset:
    """The splits as a data set.

    Args:
        source: what to name in messages, e.g. ``task.train=corpus.txt``.

    Raises:
        DataError: a split is empty.
    """
    splits = {"train": train, "validation": validation, "test": test}
    for name, documents in splits.items():
        if not documents:
            raise DataError(
                f"{source}: no document is left for the {name} split. Add documents, or name a file of its own with "
                f"task.{name}=FILE. In a .txt file a blank line ends a document."
            )
    return unlabelled(splits, "documents", tally)


def unlabelled(splits: Mapping[str, Sequence[Example]], kind: str, tally: Tally) -> Dataset:
    """Splits by name as a data set without labels.

    Args:
        kind: what the texts are: the same ones read as something else are another data set.
    """
    made = {name: Split([example.texts for example in examples], []) for name, examples in splits.items()}
    total = hashlib.sha256(kind.encode())
    for name, split in made.items():
        total.update(json.dumps([name, split.texts]).encode())
    return Dataset(
        **made,
        label_names=[],
        fingerprint=total.hexdigest(),
        dropped=tally.dropped,
        duplicates=tally.duplicates,
        draws=tally.draws,
        notes=tally.notes,
    )
