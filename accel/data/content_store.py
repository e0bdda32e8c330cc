"""Where the content of what models were trained on is remembered: in the user's cache alone, under a key of its own.

An exported model names its data by a fingerprint, which says nothing without this folder. The hashes of the rows stay
here, readable by the user alone, so a model that travels takes along nothing by which a guess could be confirmed. On
another machine, or once this folder is gone, a fingerprint is unknown, and what is unknown is not public.
"""

from __future__ import annotations

import os
import secrets
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock

from accel.data.content import Content
from accel.errors import DataError

KEY_BYTES = 32


@dataclass(frozen=True)
class ContentStore:
    """The folder ``provenance`` of a cache."""

    cache: Path

    @property
    def folder(self) -> Path:
        return self.cache / "provenance"

    def key(self) -> bytes:
        """The secret of this cache; made once.

        Raises:
            DataError: it cannot be written, or is damaged.
        """
        file = self.folder / "key"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(f"{file}.lock"):
                if not file.is_file():
                    _write(file, secrets.token_bytes(KEY_BYTES))
                found = file.read_bytes()
        except OSError as error:
            raise DataError(
                f"cache={self.cache} cannot be used ({error.strerror}). Give a folder that you may write to, such as "
                f"cache=/tmp/accel."
            ) from None
        if len(found) != KEY_BYTES:
            raise DataError(f"{file} is damaged. Remove it: models made before will count as trained on unknown data.")
        return found

    def keep(self, content: Content) -> str:
        """Remember what data consists of; its fingerprint."""
        fingerprint = self._fingerprint(content)
        file = self.folder / f"{fingerprint}.rows"
        if not file.is_file():
            numbers = array("Q", [len(content.rows), *sorted(content.rows), *sorted(content.texts)])
            _write(file, numbers.tobytes())
        return fingerprint

    def find(self, fingerprint: str) -> Content | None:
        """What a fingerprint stands for; None where this cache does not know it."""
        if not (fingerprint.isalnum() and fingerprint.isascii()):
            return None
        numbers = array("Q")
        try:
            numbers.frombytes((self.folder / f"{fingerprint}.rows").read_bytes())
        except (OSError, ValueError):
            return None
        count = numbers[0] if numbers else 0
        found = Content(frozenset(numbers[1 : 1 + count]), frozenset(numbers[1 + count :]))
        return found if self._fingerprint(found) == fingerprint else None

    def _fingerprint(self, content: Content) -> str:
        total = blake2b(key=self.key(), digest_size=16)
        for hashes in (content.rows, content.texts):
            total.update(_bytes(sorted(hashes)))
        return total.hexdigest()


def _bytes(numbers: Iterable[int]) -> bytes:
    found = array("Q", numbers)
    return len(found).to_bytes(8, "little") + found.tobytes()


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, and for the user alone."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    temporary.replace(file)
