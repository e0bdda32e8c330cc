"""What is worth knowing of a file before it is learned from: lengths, language, repeated rows, balance, leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from accel.data.read_table import read_table
from accel.data.script import language_of, without_spaces
from accel.data.table import Table
from accel.errors import DataError
from accel.look.columns import Column, columns_of
from accel.look.reading import Reading

LENGTHS = (32, 64, 128, 256, 512)
"""Tokens that a text may be cut at; the models have places for no more."""
LETTERS_PER_TOKEN = 4.0
"""Of languages with spaces; an ideograph is about a token by itself."""
BESIDE = {"validation": ("validation", "valid", "dev", "val"), "test": ("test",)}
"""Splits that may lie beside a file of training, and what their files are called."""
TRAIN = "train"
FIRST_ROWS = 50_000
"""Rows that are looked at; what a longer file has below them, a run sees."""


@dataclass(frozen=True)
class Facts:
    """What was counted."""

    language: str
    length: int
    """Tokens that 95 of 100 texts fit into, by their letters."""
    max_length: int
    duplicates: int
    """Rows whose text stood before."""
    contradictory: int
    """Texts that stand there with different labels."""
    empty: int
    """Rows without a text."""
    labels: dict[str, int]
    """Rows by class, the most frequent first; empty without classes."""
    beside: dict[str, str]
    """Files of other splits that lie beside."""
    leaked: dict[str, int]
    """Rows of these whose text also stands in the file."""

    def notes(self) -> list[str]:
        """In sentences, for people."""
        found = [
            self._imbalance(),
            _counted(self.empty, "row has no text, and is left out", "rows have no text, and are left out"),
            _counted(self.duplicates, "row repeats a text that stood before", "rows repeat texts that stood before"),
            _counted(self.contradictory, "text has different labels, and is left out", "texts have different labels, "
                     "and are left out"),
            f"5 % of the texts have more than {self.max_length} tokens, and are cut" * (self.length > self.max_length),
            *(f"{Path(path).name} lies beside it and is its {split} split" for split, path in self.beside.items()),
            *(
                _counted(n, f"text of {split} also stands in the file; a run leaves it out of training",
                         f"texts of {split} also stand in the file; a run leaves them out of training")
                for split, n in self.leaked.items()
            ),
        ]  # fmt: skip
        return [note for note in found if note]

    def _imbalance(self) -> str:
        if len(self.labels) < 2:
            return ""
        (most, count), total = next(iter(self.labels.items())), sum(self.labels.values())
        (least, few) = list(self.labels.items())[-1]
        text = f"Always guessing {most!r} is right in {count / total:.0%} of the rows"
        return text + f"; {least!r} has only {few} row{'s' * (few > 1)}" * (few < 10)


def facts_of(table: Table, columns: Sequence[Column], reading: Reading) -> Facts:
    """Count what the reading makes of a table."""
    by_name = {column.name: column for column in columns}
    texts = _texts([by_name[name] for name in reading.texts]) if reading.texts else [(t,) for t in reading.elsewhere]
    filled = [row for row in texts if _says_something(row)]
    flat = [text for row in texts for text in row]
    length = _length(texts, wide=without_spaces(flat))
    labels = by_name[reading.label] if reading.label else None
    beside = _beside(table.path, {*reading.texts, *_names(reading)})
    return Facts(
        language=language_of(flat),
        length=length,
        max_length=next((n for n in LENGTHS if n >= length), LENGTHS[-1]),
        duplicates=len(filled) - len(set(filled)) if reading.texts else 0,
        contradictory=_contradictory(texts, labels),
        empty=len(texts) - len(filled),
        labels=dict(labels.counts.most_common()) if labels is not None else {},
        beside=beside,
        leaked=_leaked(set(texts), beside, reading),
    )


def _texts(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    return list(zip(*([_written(cell) for cell in column.cells] for column in columns), strict=True))


def _says_something(row: tuple[str, ...]) -> bool:
    return any(text.strip() for text in row)


def _written(cell: object) -> str:
    """A cell as one text; of a conversation what was said, with who said it."""
    if isinstance(cell, list | tuple):
        return " ".join(map(_written, cell))
    if isinstance(cell, Mapping):
        return " ".join(map(_written, cell.values()))
    return "" if cell is None else str(cell)


def _length(texts: Sequence[tuple[str, ...]], *, wide: bool) -> int:
    """Of 95 in 100 texts, with the tokens at begin and end."""
    letters = sorted(sum(map(len, row)) for row in texts)
    return int(letters[int(0.95 * (len(letters) - 1))] / (1.0 if wide else LETTERS_PER_TOKEN)) + 3


def _contradictory(texts: Sequence[tuple[str, ...]], labels: Column | None) -> int:
    if labels is None:
        return 0
    rows = zip(texts, labels.cells, strict=True)
    pairs = {(row, str(label)) for row, label in rows if _says_something(row) and label not in (None, "")}
    return sum(count > 1 for count in Counter(text for text, _ in pairs).values())


def _names(reading: Reading) -> list[str]:
    """The columns that say what to predict."""
    values = [value for key, value in reading.columns.items() if key in ("label", "tags", "spans")]
    return [name for value in values for name in ([value] if isinstance(value, str) else value)]


def _beside(file: Path, needed: set[str]) -> dict[str, str]:
    """``test.csv`` beside ``train.csv``, where it has the same columns."""
    if TRAIN not in file.stem:
        return {}
    found = {}
    for split, names in BESIDE.items():
        others = (file.with_name(file.name.replace(TRAIN, name)) for name in names)
        other = next((path for path in others if path.is_file() and _has(path, needed)), None)
        if other is not None:
            found[split] = str(other)
    return found


def _has(file: Path, needed: set[str]) -> bool:
    try:
        columns = {column.name: column for column in columns_of(read_table(str(file), "FILE", first=100))}
    except DataError:
        return False
    return needed <= set(columns) and all(columns[name].values for name in needed)


def _leaked(known: set[tuple[str, ...]], beside: dict[str, str], reading: Reading) -> dict[str, int]:
    found = {}
    for split, path in beside.items():
        by_name = {column.name: column for column in columns_of(read_table(path, f"task.{split}", first=FIRST_ROWS))}
        found[split] = sum(row in known for row in _texts([by_name[name] for name in reading.texts]))
    return {split: count for split, count in found.items() if count}


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""
