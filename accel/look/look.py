"""One look at a file: its rows, its columns, what can be learned, and the words that learn it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from accel.config.overrides import override
from accel.data.lines import lines_of, suffix_of
from accel.data.questions import read_squad
from accel.data.read_table import READERS, existing, read_table
from accel.data.table import Table
from accel.data.words import read_conll
from accel.errors import DataError
from accel.look.columns import TAG, Column, columns_of
from accel.look.facts import FIRST_ROWS, Facts, facts_of
from accel.look.models import Choice, model_for
from accel.look.named import named
from accel.look.oddities import oddities_of
from accel.look.reading import Reading, Wish, read, require_typed, told_oddities
from accel.task.token_classification import COLUMNS

KEY = "FILE"
PRESET = "balanced"
"""What runs where nothing else was typed."""
DECIDES_LENGTH = ("preset=", "experiment=")


@dataclass(frozen=True)
class Look:
    """What was seen of a file."""

    path: str
    rows: int
    sampled: bool
    """Whether the file has more rows than were looked at."""
    columns: Sequence[Column]
    notes: Sequence[str]
    """Of the reader of the file, and what is odd about the table."""
    reading: Reading
    facts: Facts
    model: Choice
    typed: Sequence[str] = ()
    """The user's own words."""
    lines: Sequence[int] = ()
    """Of the file, for each row."""

    def words(self) -> list[str]:
        """The overrides that run what was understood; what the user typed stands last and is not said twice."""
        own = {word.partition("=")[0].lstrip("+~") for word in self.typed if "=" in word}
        return [*(word for word in self._found() if word.partition("=")[0] not in own), *self.typed]

    def _found(self) -> list[str]:
        found = [f"task={self.reading.task}", override("task.train", self.path)]
        found += [override(f"task.{split}", path) for split, path in self.facts.beside.items()]
        found += [override(f"task.{key}", value) for key, value in self.reading.columns.items()]
        found += [f"task.max_length={self.facts.max_length}"] * self.reading.cuts
        found += [f"model={self.model.name}"] if self.model.name else []
        found += [override(key, value) for key, value in self.reading.settings.items()]
        chosen = any(word.startswith(DECIDES_LENGTH) for word in self.typed)
        return found if chosen else [*found, f"preset={PRESET}"]

    def command(self) -> str:
        """As it is typed in a shell."""
        return shlex.join(["accel", *self.words()])

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "file": self.path,
            "rows": self.rows,
            "sampled": self.sampled,
            "columns": [{"name": c.name, "holds": c.holds, "empty": c.empty} for c in self.columns],
            "task": self.reading.task,
            "task_columns": dict(self.reading.columns),
            "because": self.reading.why,
            "language": self.facts.language,
            "tokens_p95": self.facts.length,
            "duplicates": self.facts.duplicates,
            "contradictory": self.facts.contradictory,
            "labels": self.facts.labels,
            "splits_beside": self.facts.beside,
            "leaked": self.facts.leaked,
            "notes": self.all_notes(),
            "words": self.words(),
            "command": self.command(),
        }

    def all_notes(self) -> list[str]:
        """Everything that its owner may not expect, in sentences."""
        more = f"Only the first {self.rows:,} rows were looked at; a run reads all of them"
        others = [
            f"Not taken: {why}; to have it, type {shlex.join(words)}" for why, words in self.reading.others.items()
        ]
        found = [more * self.sampled, *self.notes, *self.reading.notes, *self.facts.notes(), *others, self.model.note]
        return [note.rstrip(".") for note in found if note]


def is_data_file(word: str) -> bool:
    """Whether a word of the command line names a file of examples, which need not be there."""
    return suffix_of(Path(word)) in {*READERS, *COLUMNS}


def look(path: str, typed: Sequence[str] = ()) -> Look:
    """Look at a file.

    Args:
        typed: the user's own overrides; those that choose a task or columns leave less to find out.

    Raises:
        DataError: it cannot be read, nothing in it can be learned, or more than one thing.
    """
    file, wish = existing(path, KEY), Wish.of(typed, path)
    table, reading = _tagged_lines(file) if suffix_of(file) in COLUMNS else (_table(path), None)
    sampled = len(table.rows) > FIRST_ROWS
    table = replace(table, rows=table.rows[:FIRST_ROWS], lines=table.lines[:FIRST_ROWS])
    columns = columns_of(table)
    odd = oddities_of(table, columns)
    reading = reading or _read(columns, wish, path, odd)
    facts = facts_of(table, columns, reading)
    typed_model = any(word.startswith("model=") for word in typed)
    model = Choice() if typed_model else model_for(facts.language, reading.model)
    return Look(
        path, len(table.rows), sampled, columns, [*table.notes, *odd], reading, facts, model, list(typed), table.lines
    )


def _read(columns: Sequence[Column], wish: Wish, path: str, odd: Sequence[str]) -> Reading:
    """By the task that was typed, or by values."""
    if "task.items" not in wish.typed:  # whose texts stand in another file
        require_typed(columns, wish, path, odd)
    try:
        found = named(columns, wish, path)
    except DataError as error:
        raise DataError(f"{error}{told_oddities(odd)}") from None
    return found or read(columns, wish, path, odd)


def _table(path: str) -> Table:
    return read_table(path, KEY, readers={**READERS, ".json": read_squad}, first=FIRST_ROWS + 1)


def _tagged_lines(file: Path) -> tuple[Table, Reading]:
    """Of a file with a token and its tag in each line."""
    _require_tags(file)
    sentences = list(islice(read_conll(file), FIRST_ROWS + 1))
    rows = [{"text": sentence.text} for sentence in sentences]
    reading = Reading("token_classification", {}, "each line has a token and its tag", ("text",))
    return Table(file, ["text"], rows, list(range(1, len(rows) + 1))), reading


def _require_tags(file: Path) -> None:
    some = [line.split() for line in islice(lines_of(file), 200) if line.strip() and not line.startswith("-DOCSTART-")]
    if any(len(cells) < 2 or not TAG.fullmatch(cells[-1]) for cells in some):
        raise DataError(
            f"{file} is text without labels: its lines do not end in a tag such as O or B-PERSON. To learn the "
            f"language alone, type:\n  {shlex.join(['accel', 'task=language_modeling', f'task.train={file}'])} "
            f"model=smollm2"
        )
