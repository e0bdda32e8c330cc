"""Find entities in texts: who, where, what, from your own file.

What it does: reads tokens with tags (JSON lines, Parquet, CoNLL columns) or texts with spans of characters, gives every
    word a tag, and reports strict entity F1, by type too. Words are letters and digits together; signs and Chinese
    characters stand alone. Words that a model cannot see, beyond ``max_length``, count as missed.
Use it when: the answer is a part of the text: names, products, amounts, symptoms.
What it costs: nothing beyond reading the file.
Composes with: every model and technique; under privacy with what adds nothing to the loss.
Off switch: choose another task.
Reference: strict matching of IOB2 entities, as seqeval defines it; Ramshaw & Marcus 1995 for the tags.

    accel task=token_classification task.train=entities.jsonl
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from accel.data import Dataset
from accel.data.columns import groups_of
from accel.data.examples import Example, Tally
from accel.data.lines import suffix_of
from accel.data.read_table import existing, read_table
from accel.data.splits import drawn
from accel.data.table import Table
from accel.data.words import Tagged, of_spans, of_tokens, read_conll
from accel.errors import DataError
from accel.task._entities import EntityTask, assemble, examples_of

COLUMNS = (".conll", ".bio", ".iob", ".iob2", ".txt")
"""Files with a token and its tag in each line, and a blank line between sentences."""


@dataclass(kw_only=True)
class TokenClassification(EntityTask):
    """Texts with entities, from files."""

    train: str
    """.jsonl, .json, .ndjson or .parquet with lists; .conll, .bio, .iob or .txt with a token and its tag in a line."""
    validation: str | None = None
    """Split off ``train`` when absent."""
    test: str | None = None
    """Split off ``train`` when absent."""
    tokens: str = "tokens"
    """A column with lists of tokens."""
    tags: str = "tags"
    """A column with a tag for each token; without such a column ``text`` and ``spans`` are read."""
    text: str = "text"
    """A column with texts."""
    spans: str = "spans"
    """A column with lists of ``{"start": 0, "end": 4, "label": "ORG"}``, in characters."""
    split_by: str | None = None
    """A column, such as a document, whose rows stay in one split; each text goes alone when absent."""
    test_fraction: float = 0.2

    def source(self) -> str:
        return Path(self.train).name

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        train, validation, test = (self._read(split, tally) for split in ("train", "validation", "test"))
        sizes = (self.test_fraction, self.validation_fraction)
        splits = drawn(train, *sizes, seed, validation=validation, test=test, tally=tally)
        return assemble(splits, tally, f"task.train={self.train}")

    def _read(self, split: str, tally: Tally) -> list[Example]:
        path = getattr(self, split)
        if path is None:
            return []
        return examples_of(self._sentences(path, f"task.{split}"), f"task.{split}={path}", tally)

    def _sentences(self, path: str, key: str) -> Iterator[Tagged]:
        file = existing(path, key)
        if suffix_of(file) in COLUMNS:
            self._require_no_groups(file)
            return read_conll(file)
        more = [self.split_by] if self.split_by is not None else []
        table = read_table(path, key, columns=[self.tokens, self.tags, self.text, self.spans, *more])
        found = self._rows(table)
        if self.split_by is None:
            return found
        return (replace(s, group=g) for s, g in zip(found, groups_of(table, self.split_by), strict=True))

    def _require_no_groups(self, file: Path) -> None:
        if self.split_by is not None:
            raise DataError(
                f"task.split_by={self.split_by}: {file} has tokens and tags, and no column that says what its "
                f"sentences are part of. Convert it to JSON lines with such a key, or leave task.split_by out."
            )

    def _rows(self, table: Table) -> Iterator[Tagged]:
        if table.name_of(self.tags) is not None:
            return of_tokens(table, self.tokens, self.tags)
        return of_spans(table, self.text, self.spans)
