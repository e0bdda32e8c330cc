"""Optuna's journal of a search, in a file that survives a kill at any byte; nothing else knows how it is stored."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

JOURNAL = "study.journal"
BLOCK = 1 << 16


def open_journal(file: Path) -> JournalStorage:
    """The study's storage; several processes may use it at once.

    Optuna's own backend reads a journal whose last record was cut off by a kill, but then appends to the torn half, and
    from the next record on nothing can be read any more; and its lock outlives its owner. Here the kernel releases the
    lock, and whoever takes it to append first drops what is torn.
    """
    return JournalStorage(JournalFileBackend(str(file), lock_obj=_WholeRecords(file)))  # type: ignore[arg-type]


class _WholeRecords:
    """Between ``acquire`` and ``release`` no other process appends, and the journal ends with a whole record."""

    def __init__(self, file: Path) -> None:
        self.journal = file
        self.held: IO[bytes] | None = None

    def acquire(self) -> bool:
        self.held = self.journal.with_suffix(".lock").open("ab")
        fcntl.flock(self.held, fcntl.LOCK_EX)
        _drop_torn_record(self.journal)
        return True

    def release(self) -> None:
        assert self.held is not None
        self.held.close()
        self.held = None


def _drop_torn_record(journal: Path) -> None:
    with journal.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        whole = _end_of_last_line(file, end)
        if whole < end:
            file.truncate(whole)


def _end_of_last_line(file: IO[bytes], end: int) -> int:
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
