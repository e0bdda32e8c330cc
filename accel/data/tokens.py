"""Tokenized data sets on disk: written once per content hash, then memory-mapped by every run and job that wants them.

Processes that map the same file share its pages, so the jobs of a sweep hold one copy of the data between them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from filelock import FileLock

from accel.core.checksums import is_whole, write_sums

NOTE = "tokens.json"
IGNORED = -100
"""Target of a token that is not predicted."""


@dataclass(frozen=True)
class Ragged(Sequence[np.ndarray]):
    """Rows of varying length, end to end in one array.

    Args:
        values: int32 [all tokens]; in memory or mapped from a file.
        ends: int64 [rows], where each row ends.
    """

    values: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | np.ndarray]) -> Ragged:
        """From separate rows."""
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        values = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]) if rows else np.empty(0, np.int32)
        return cls(values, ends)

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Ragged: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Ragged:
        if isinstance(index, slice):
            return Ragged.of([self[i] for i in range(*index.indices(len(self)))])
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return self.values[int(self.ends[index - 1]) if index else 0 : int(self.ends[index])]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, int64 [rows]."""
        return np.diff(self.ends, prepend=0)

    def save(self, stem: Path) -> None:
        """Two files beside each other."""
        np.save(f"{stem}.values.npy", self.values)
        np.save(f"{stem}.ends.npy", self.ends)

    @classmethod
    def load(cls, stem: Path) -> Ragged:
        """Mapped, not read; pages come as they are used."""
        values = np.load(f"{stem}.values.npy", mmap_mode="r")
        return cls(values, np.load(f"{stem}.ends.npy"))


@dataclass(frozen=True)
class Encoded:
    """The tokens of a split, without its labels."""

    input_ids: Ragged
    token_type_ids: Ragged | None
    """Only for pairs, and only where the model tells the two texts apart by them."""
    num_truncated: int
    targets: Ragged | None = None
    """One for each token, or as many for each, where the objective makes them as it tokenizes."""
    records: np.ndarray | None = None
    """int64 [rows], counted from 0 and never falling: whose rows they are, where a text makes several; else each row is
    one record."""
    num_lost: int = 0
    """Texts that have no row: of which nothing is left to predict."""

    def beside(self) -> dict[str, Ragged]:
        """What stands beside the tokens, as many numbers for each, by the end of its files' name."""
        rows = {"types": self.token_type_ids, "targets": self.targets}
        return {name: row for name, row in rows.items() if row is not None}


def read(folder: Path) -> dict[str, Encoded] | None:
    """The splits that a folder holds; None where there is none, or not a whole one."""
    if not is_whole(folder):
        return None
    try:
        note = json.loads((folder / NOTE).read_text("utf8"))
        return {name: _read_split(folder, name, **facts) for name, facts in note.items()}
    except (OSError, ValueError, TypeError, EOFError):
        return None


def _read_split(
    folder: Path,
    name: str,
    *,
    rows: int,
    tokens: int,
    beside: Sequence[str],
    grouped: bool,
    num_truncated: int,
    num_lost: int,
) -> Encoded:
    ids = Ragged.load(folder / name)
    others = {kind: Ragged.load(folder / f"{name}.{kind}") for kind in beside}
    for found in (ids, *others.values()):
        if len(found) != rows or len(found.values) < tokens or len(found.values) % max(1, tokens):
            raise ValueError(f"{folder / name} is not what {NOTE} says")
    records = np.load(f"{folder / name}.records.npy") if grouped else None
    if records is not None and len(records) != rows:
        raise ValueError(f"{folder / name} is not what {NOTE} says")
    return Encoded(ids, others.get("types"), num_truncated, others.get("targets"), records, num_lost)


def write(splits: dict[str, Encoded], folder: Path) -> None:
    """Keep the splits; the folder appears whole or not at all, and what was there before is replaced."""
    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    note = {}
    for name, split in splits.items():
        split.input_ids.save(temporary / name)
        beside = split.beside()
        for kind, row in beside.items():
            row.save(temporary / f"{name}.{kind}")
        if split.records is not None:
            np.save(temporary / f"{name}.records.npy", split.records)
        note[name] = {
            "rows": len(split.input_ids),
            "tokens": len(split.input_ids.values),
            "beside": list(beside),
            "grouped": split.records is not None,
            "num_truncated": split.num_truncated,
            "num_lost": split.num_lost,
        }
    (temporary / NOTE).write_text(json.dumps(note), "utf8")
    write_sums(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def once(folder: Path, make: Callable[[], dict[str, Encoded]]) -> tuple[dict[str, Encoded], bool]:
    """What the folder keeps, or what ``make`` makes, and whether it was there before.

    The jobs of a sweep ask at the same time: one makes it, the others wait. A folder that cannot be written costs a
    repetition, not the run.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock")
        lock.acquire()
    except OSError:
        return make(), False
    try:
        found = read(folder)
        made = make() if found is None else found
        if found is None:
            with suppress(OSError):
                write(made, folder)
        return made, found is not None
    finally:
        lock.release()
