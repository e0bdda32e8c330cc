"""Digests beside the files they are of: a flipped bit is found where the files are read.

A folder has them in ``SHA256SUMS``, which ``sha256sum -c`` reads too. A checkpoint, which is one file and is renamed as
one, carries its own in its last bytes: it is a zip archive, and they are the archive's comment. Hashing takes 0.16 s
for 100 MB (measured on one core with SHA instructions).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from accel.core.durable import write_durably
from accel.errors import DataError

SUMS = "SHA256SUMS"
DIGEST_CHARS = 64
END_OF_ZIP, END_BYTES = b"PK\x05\x06", 22
"""How the last record of a zip archive begins, and how long it is without a comment, whose length ends it."""
SEAL = DIGEST_CHARS.to_bytes(2, "little")
BLOCK_BYTES = 1 << 20


def digest_of(file: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_sums(folder: Path, names: Iterable[str] = ()) -> None:
    """Note the digests of some files of a folder, or of all that is below it; what was noted of others stays."""
    found = list(names) or sorted(_below(folder))
    kept = read_sums(folder) if names else {}
    sums = {**kept, **{name: digest_of(folder / name) for name in found}}
    write_durably(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))


def read_sums(folder: Path) -> Mapping[str, str]:
    """Digests by file name; empty where none were noted, as by earlier versions of accel."""
    try:
        lines = (folder / SUMS).read_text("utf8", errors="replace").removesuffix("\n").split("\n")
    except OSError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def is_whole(folder: Path) -> bool:
    """Whether a folder holds all files that were noted as they were written; one without a note does not."""
    sums = read_sums(folder)
    found = ((folder / name, digest) for name, digest in sums.items())
    return bool(sums) and all(file.is_file() and digest_of(file) == digest for file, digest in found)


def is_as_written(folder: Path, names: Iterable[str]) -> bool:
    """Whether all these files were noted, and are what was written."""
    sums = read_sums(folder)
    return all(name in sums and (folder / name).is_file() and digest_of(folder / name) == sums[name] for name in names)


def require_whole(folder: Path, names: Iterable[str]) -> None:
    """Refuse files that are not what was written; a file that was never noted passes.

    Raises:
        DataError: names one.
    """
    sums = read_sums(folder)
    for name in names:
        if name in sums and (folder / name).is_file() and digest_of(folder / name) != sums[name]:
            raise DataError(
                f"{folder / name} is not what was written: its digest differs from the one in {SUMS}. Copy the folder "
                f"again, or export again; if you edited the file yourself, remove its line from {SUMS}."
            )


def _below(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return [file.relative_to(folder).as_posix() for file in files]


def seal(file: Path) -> None:
    """Put the digest of a zip archive into its comment."""
    with file.open("r+b") as stream:
        stream.seek(-2, 2)
        stream.write(SEAL)
        digest = _digest_up_to(stream, stream.tell())
        stream.write(digest.encode())


def is_sealed_whole(file: Path) -> bool:
    """Whether a sealed archive is as it was written; one without a seal (of earlier versions) counts as whole."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(max(0, size - END_BYTES - DIGEST_CHARS))
        end = stream.read()
        sealed = end.startswith(END_OF_ZIP) and end[END_BYTES - 2 : END_BYTES] == SEAL
        if not sealed:
            return end[-END_BYTES:].startswith(END_OF_ZIP) and end.endswith(b"\0\0")
        return _digest_up_to(stream, size - DIGEST_CHARS).encode() == end[END_BYTES:]


def _digest_up_to(stream: BinaryIO, end: int) -> str:
    """Of the first ``end`` bytes; the stream stands behind them afterwards."""
    stream.seek(0)
    total = hashlib.sha256()
    while stream.tell() < end:
        total.update(stream.read(min(BLOCK_BYTES, end - stream.tell())))
    return total.hexdigest()
