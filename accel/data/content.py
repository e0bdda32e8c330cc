"""What data consists of, whatever file it stands in: keyed hashes of its rows, which nobody without the key can guess.

Two files hold the same data when they share rows, and not when they share a name: copies, links, other orders, other
columns and parts of a file are found. Only letters and digits count, in any case: a line of a CSV file is the row.
The hash is keyed BLAKE2 (RFC 7693) of 64 bits. Of huge data the smallest hashes are kept, a bottom-k sketch (Broder
1997, On the resemblance and containment of documents), so that what is compared stays comparable. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from heapq import nsmallest
from pathlib import Path

from accel.data.lines import lines_of, suffix_of
from accel.data.paragraphs import read_paragraphs
from accel.data.read_table import READERS, read_table
from accel.errors import DataError

LONG = 20
"""Letters and digits from which on a text is no common speech: one that two files share is the same record."""
FEW = 0.05
"""Of shorter texts, such as *thank you*, files may share this part of the smaller one by chance."""
MOST_HASHES = 1 << 20
_NO_LETTER = re.compile(r"[\W_]+")
_ASCII_REST = {number: None for number in range(128) if not chr(number).isalnum()}


@dataclass(frozen=True)
class Row:
    """One row: everything in it, what of it a model reads, and what else could be read of it."""

    cells: tuple[str, ...]
    texts: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @staticmethod
    def of(*texts: str, label: str = "") -> Row:
        """A row of texts and a label, with nothing else in it."""
        return Row((*texts, label), texts)


@dataclass(frozen=True)
class Content:
    """Hashes of whole rows, and of all texts in them; the lowest bit says that the text is long."""

    rows: frozenset[int]
    texts: frozenset[int]

    @staticmethod
    def of(rows: Iterable[Row], key: bytes) -> Content:
        """What the rows are known by to whoever has the key."""
        whole, texts = set[str](), set[str]()
        for row in rows:
            whole.add(_plain(" ".join(row.cells)))
            texts.add(_plain(" ".join(row.texts)))
            texts.update(part for part in map(_plain, _parts(row)) if len(part) >= LONG)
        hashes = {text: _hash(text, key) for text in (whole | texts) - {""}}
        return Content(_kept(hashes[text] for text in whole - {""}), _kept(hashes.values()))

    @staticmethod
    def together(parts: Iterable[Content]) -> Content:
        """Several data sets as one."""
        found = list(parts)
        rows = frozenset[int]().union(*(part.rows for part in found))
        return Content(_kept(rows), _kept(frozenset[int]().union(*(part.texts for part in found))))

    def shares(self, other: Content) -> bool:
        """Whether texts are in both that are too many or too long for chance."""
        common = self.texts & other.texts
        smaller = min(len(self.texts), len(other.texts))
        return any(h & 1 for h in common) or len(common) > FEW * smaller

    def within(self, other: Content) -> bool:
        """Whether every row is also in the other."""
        known_to = max(other.rows) if len(other.rows) == MOST_HASHES else 1 << 64
        return bool(self.rows) and all(h in other.rows for h in self.rows if h <= known_to)


def _kept(hashes: Iterable[int]) -> frozenset[int]:
    found = frozenset(hashes)
    return found if len(found) <= MOST_HASHES else frozenset(nsmallest(MOST_HASHES, found))


def _parts(row: Row) -> Iterator[str]:
    """What may stand somewhere else by itself: a text of a pair, a line of a text."""
    for text in (*row.texts, *row.parts) if len(row.texts) > 1 else row.parts:
        yield text
    for text in (*row.texts, *row.parts):
        if "\n" in text:
            yield from text.split("\n")


def _plain(text: str) -> str:
    """Letters and digits alone, in one case; a text without any as it stands."""
    folded = text.casefold()
    found = folded.translate(_ASCII_REST) if folded.isascii() else _NO_LETTER.sub("", folded)
    return found or text.strip()


def _hash(text: str, key: bytes) -> int:
    number = int.from_bytes(blake2b(text.encode("utf8", "surrogatepass"), key=key, digest_size=8).digest(), "little")
    return number & ~1 | (len(text) >= LONG)


def rows_of_file(path: str | Path, key: str, columns: Sequence[str] = ()) -> Iterator[Row]:
    """A file's rows and lines, however it is read: as a table, as paragraphs, as lines.

    Args:
        key: of the setting that names the file, for messages.
        columns: those that a model reads; without them every cell may be read.

    Raises:
        DataError: it cannot be read, or lacks a column.
    """
    file = Path(path).expanduser()
    suffix = suffix_of(file)
    if suffix not in READERS:
        yield from _lines(file, key)
        return
    table = read_table(str(path), key)
    texts = list(zip(*(table.column(name, "task.text") for name in columns), strict=True)) or [()] * len(table.rows)
    for row, read in zip(table.rows, texts, strict=True):
        cells = _written(row.values())
        yield Row(cells, _written(read), () if columns else cells)
    if suffix != ".parquet":
        yield from (Row((), parts=(line,)) for line in _text(file, key).split("\n")[1:])


def _written(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values if value is not None)


def _lines(file: Path, key: str) -> Iterator[Row]:
    """Of a file that is no table: its lines, and what blank lines set apart."""
    yield from (Row((line,), (line,)) for line in _text(file, key).split("\n"))
    try:
        yield from (Row((row["text"],), (row["text"],)) for row in read_paragraphs(file).rows)
    except DataError:
        return  # no UTF-8: nothing reads paragraphs of it


def _text(file: Path, key: str) -> str:
    with suppress(DataError):
        return "".join(lines_of(file, "\n"))
    try:
        return file.read_text("utf8", errors="replace")
    except OSError as error:
        raise DataError(
            f"{key}={file} cannot be read ({error.strerror}). Give a file with one text per line."
        ) from None


@dataclass(frozen=True)
class ContentQuery:
    """A question for the content of a file as it is now: a file that was written again is read again."""

    path: Path
    key: str
    columns: tuple[str, ...]
    stamp: tuple[int, ...]

    @staticmethod
    def now(path: str | Path, key: str, columns: Sequence[str] = ()) -> ContentQuery:
        file = Path(path).expanduser().absolute()
        try:
            stat = file.stat()
        except OSError:
            return ContentQuery(file, key, tuple(columns), ())
        return ContentQuery(file, key, tuple(columns), (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=16)
def content_of_file(asked: ContentQuery, secret: bytes) -> Content:
    """A file's content; read once per process."""
    return Content.of(rows_of_file(asked.path, asked.key, asked.columns), secret)
