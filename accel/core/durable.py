"""Small files that are the old one or the new one, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(file: Path, text: str) -> None:
    """Replace a file in one step: its content is on the disk before it has the name, and the name before this returns.

    Raises:
        OSError: it cannot be written; the file before is untouched.
    """
    temporary = file.with_name(f".{file.name}.tmp")
    with temporary.open("w", encoding="utf8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
