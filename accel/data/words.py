"""Texts as words, and what is tagged in them: tokens with tags, columns of a CoNLL file, or spans of characters.

Whatever a file has, an example becomes one text, its words by one rule, and one tag for each word: what training sees
of a text is what ``accel predict`` sees of it. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.data.lines import text_lines
from accel.data.table import Table
from accel.errors import DataError

OUTSIDE = "O"
"""The tag of a word that belongs to nothing."""
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff"
"""Characters that are words by themselves: ideographs and kana."""
WORD = re.compile(rf"[{HAN}]|[^\W{HAN}]+|[^\w\s]")
"""Letters and digits together, ideographs and signs one by one."""

Span = tuple[int, int, str]
"""Where it begins and ends in the text, in characters, and of what type it is."""


def words_of(text: str) -> list[tuple[int, int]]:
    """Where each word begins and ends, in characters."""
    return [match.span() for match in WORD.finditer(text)]


def spelled(text: str) -> str:
    """The words with a space between each two, as a tokenizer is given them: no token then belongs to two."""
    return " ".join(text[start:end] for start, end in words_of(text))


def first_tokens(text: str, offsets: Sequence[tuple[int, int]]) -> list[int | None]:
    """For each word the number of its first token, None where it has none of its own or it was cut off.

    Args:
        offsets: of each token in ``spelled(text)``; empty for special ones.
    """
    begins: dict[int, int] = {}
    position = 0
    for number, (start, end) in enumerate(words_of(text)):
        for character in range(position, position + end - start):
            begins[character] = number
        position += end - start + 1
    first: list[int | None] = [None] * len(words_of(text))
    for token, (start, end) in enumerate(offsets):
        inside = [begins[c] for c in range(start, end) if c in begins]  # a token may begin with the space before
        if inside and first[inside[0]] is None:
            first[inside[0]] = token
    return first


@dataclass(frozen=True)
class Tagged:
    """A text whose words are tagged; ``where`` says where it came from."""

    text: str
    tags: tuple[str, ...]
    """IOB2: ``B-TYPE`` begins, ``I-TYPE`` goes on, ``O`` is outside."""
    where: str
    group: str = ""
    """What it is part of, as a document, where that stays in one split."""


def tagged(text: str, spans: Sequence[Span], where: str) -> Tagged:
    """From spans, which end where words do.

    Raises:
        DataError: a span lies outside of the text, cuts a word in two, overlaps another, or is empty.
    """
    words = words_of(text)
    tags = [OUTSIDE] * len(words)
    for start, end, kind in spans:
        if not 0 <= start < end <= len(text):
            raise DataError(f"{where}: the span {start}-{end} lies outside of its text of {len(text)} characters.")
        inside = [n for n, (first, last) in enumerate(words) if first < end and start < last]
        if not inside or words[inside[0]][0] < start or words[inside[-1]][1] > end:
            raise DataError(
                f"{where}: the span {start}-{end} ({text[start:end]!r}) does not begin and end with whole words. Count "
                f"characters from 0, the end not included; a span in bytes or in tokens is another one."
            )
        if any(tags[n] != OUTSIDE for n in inside):
            raise DataError(f"{where}: the span {start}-{end} ({text[start:end]!r}) overlaps another one.")
        for n in inside:
            tags[n] = f"{'B' if n == inside[0] else 'I'}-{kind}"
    return Tagged(text, tuple(tags), where)


def joined(tokens: Sequence[str], tags: Sequence[str], where: str) -> Tagged:
    """From tokens with a tag each: a text with spaces between tokens, but none between ideographs.

    Tags are read in any scheme of B, I, E, S, L, U and O; an ``I`` that follows nothing of its type begins an entity.

    Raises:
        DataError: not one tag for each token, or a tag of no scheme.
    """
    if len(tokens) != len(tags):
        raise DataError(f"{where}: {len(tokens)} tokens and {len(tags)} tags. Give one tag for each token.")
    text, spans, open_span = "", [], None
    for token, tag in zip(tokens, tags, strict=True):
        prefix, kind = _parts(tag, where)
        text += " " if text and not (_is_wide(text[-1]) and _is_wide(token[:1])) else ""
        start, text = len(text), text + token
        goes_on = open_span is not None and prefix in "IEL" and open_span[2] == kind
        if open_span is not None and not goes_on:
            spans.append(open_span)
            open_span = None
        if prefix != OUTSIDE:
            open_span = (open_span[0] if open_span is not None else start, len(text), kind)
    spans += [open_span] if open_span is not None else []
    return tagged(text, [_trimmed(text, span) for span in spans if text[span[0] : span[1]].strip()], where)


def _parts(tag: str, where: str) -> tuple[str, str]:
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, kind = tag.partition("-")
    if not dash or not kind or prefix not in tuple("BIESLU"):
        raise DataError(f"{where}: {tag!r} is no tag. Write {OUTSIDE}, B-TYPE or I-TYPE, for example B-PERSON.")
    return prefix, kind


def _trimmed(text: str, span: Span) -> Span:
    """Without white space at its ends, which belongs to no word."""
    start, end, kind = span
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip()), kind


def _is_wide(character: str) -> bool:
    """Ideographs, kana and their signs, which are written without spaces."""
    return bool(re.match(rf"[{HAN}\u3000-\u303f\uff00-\uffef—…]", character))


def entities(tags: Sequence[str]) -> list[Span]:
    """(first word, behind the last word, type) of each entity, strictly by IOB2: only ``B`` begins one.

    Reference: seqeval's ``mode="strict", scheme=IOB2``.
    """
    found: list[Span] = []
    open_span: Span | None = None
    for n, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, kind = tag.partition("-")
        if open_span is not None and (prefix, kind) == ("I", open_span[2]):
            open_span = (open_span[0], n + 1, kind)
            continue
        if open_span is not None:
            found.append(open_span)
        open_span = (n, n + 1, kind) if prefix == "B" else None
    return found


def read_conll(file: Path) -> Iterator[Tagged]:
    """Sentences with a blank line between; the first column of a line is a token, the last its tag.

    Raises:
        DataError: a line of one column, or a tag of no scheme.
    """
    tokens: list[str] = []
    tags: list[str] = []
    first = 1
    for number, line in enumerate([*text_lines(file), ""], 1):
        cells = line.split()
        if not cells or cells[0] == "-DOCSTART-":
            if tokens:
                yield joined(tokens, tags, f"{file}, line {first}")
            tokens, tags, first = [], [], number + 1
            continue
        if len(cells) < 2:
            raise DataError(
                f"{file}, line {number}: {line!r} has no tag. Write TOKEN TAG, with a blank line between sentences."
            )
        tokens.append(cells[0])
        tags.append(cells[-1])


def of_tokens(table: Table, tokens: str, tags: str) -> Iterator[Tagged]:
    """Rows whose columns hold lists of tokens and of tags.

    Raises:
        DataError: naming the line: a value that is no list of words, or lists of unlike length.
    """
    rows = zip(table.column(tokens, "task.tokens"), table.column(tags, "task.tags"), table.lines, strict=True)
    for words, marks, line in rows:
        where = f"{table.path}, line {line}"
        yield joined(_words(words, tokens, where), _words(marks, tags, where), where)


def of_spans(table: Table, text: str, spans: str) -> Iterator[Tagged]:
    """Rows with a text and a list of spans: ``{"start": 0, "end": 4, "label": "ORG"}`` or ``[0, 4, "ORG"]``.

    Raises:
        DataError: naming the line and the span.
    """
    rows = zip(table.column(text, "task.text"), table.column(spans, "task.spans"), table.lines, strict=True)
    for written, marks, line in rows:
        where = f"{table.path}, line {line}"
        if not isinstance(written, str):
            raise DataError(f"{where}: column {text!r} holds a {type(written).__name__}, not a text.")
        yield tagged(written, [_span(mark, where) for mark in _list(marks, spans, where)], where)


def _list(value: Any, column: str, where: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise DataError(f"{where}: column {column!r} holds a {type(value).__name__}, not a list. Use JSON lines.")
    return value


def _words(value: Any, column: str, where: str) -> list[str]:
    found = _list(value, column, where)
    odd = next((item for item in found if not isinstance(item, str)), None)
    if odd is not None:
        raise DataError(f"{where}: column {column!r} holds {odd!r}, not a word. Write tags as words, such as B-ORG.")
    return list(found)


def _span(mark: Any, where: str) -> Span:
    values = [mark.get(k) for k in ("start", "end", "label")] if isinstance(mark, Mapping) else mark
    if isinstance(values, list | tuple) and len(values) == 3:
        start, end, kind = values
        if isinstance(start, int) and isinstance(end, int) and isinstance(kind, str) and kind.strip():
            return start, end, kind.strip()
    raise DataError(f'{where}: {mark!r} is no span. Write {{"start": 0, "end": 4, "label": "ORG"}} or [0, 4, "ORG"].')
