"""A text's words, and which of its tokens make up each: words as people read them, ideographs one by one. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from accel.data.words import HAN, words_of

WORD = re.compile(rf"[{HAN}]|[^\s{HAN}]+")
"""Up to white space, so that signs stay with their word and no mark is torn from its letter; ideographs one by one."""
NOBODY = -1
"""The unit of a token that belongs to no text: special tokens."""

Span = tuple[int, int]
Token = tuple[int | None, int, int]
"""The column that it belongs to, None for special ones, and where it begins and ends in it."""


@dataclass(frozen=True)
class Unit:
    """What is given a number of its own; ``start`` and ``end`` are characters of the text as it was given."""

    text: str
    column: int
    start: int
    end: int


def words(texts: Sequence[str], spelled: Sequence[str], tokens: Sequence[Token]) -> tuple[list[Unit], list[int]]:
    """(the words that have tokens, the unit of each token); two words that share a token are one unit.

    Args:
        texts: by column, as they were given.
        spelled: the same as the tokenizer was given them, where the tokens stand.
        tokens: of the whole input, in its order.
    """
    units: list[Unit] = []
    owners = [NOBODY] * len(tokens)
    for column, text in enumerate(texts):
        shown, read = _both_spans(text, spelled[column])
        touched = {n: _inside(read, token) for n, token in enumerate(tokens) if token[0] == column}
        glued = {word for some in touched.values() for word in some[1:]}
        seen = {word for some in touched.values() for word in some}
        number = len(units) - 1
        unit_of: dict[int, int] = {}
        for word in sorted(seen):
            number += word not in glued
            unit_of[word] = number
        for made in range(len(units), number + 1):
            spans = [shown[word] for word, unit in unit_of.items() if unit == made]
            start, end = spans[0][0], spans[-1][1]
            units.append(Unit(text[start:end], column, start, end))
        _own(owners, touched, unit_of)
    return units, owners


def _own(owners: list[int], touched: dict[int, list[int]], unit_of: dict[int, int]) -> None:
    """Give each token its unit; one that is only white space goes with the word before it."""
    before = NOBODY
    for token, some in touched.items():
        before = unit_of[some[0]] if some else before
        owners[token] = before


def _both_spans(text: str, spelled: str) -> tuple[list[Span], list[Span]]:
    """Where each word stands in the text, and in its spelling."""
    read = [match.span() for match in WORD.finditer(spelled)]
    shown = words_of(text)
    return (shown, read) if spelled != text and len(shown) == len(read) else (read, read)


def _inside(spans: Sequence[Span], token: Token) -> list[int]:
    _, start, end = token
    return [number for number, (first, last) in enumerate(spans) if first < end and start < last]


def pieces(texts: Sequence[str], spelled: Sequence[str], tokens: Sequence[Token]) -> tuple[list[Unit], list[int]]:
    """The same with a unit for each token; positions are those of the spelling."""
    del texts
    units: list[Unit] = []
    owners = [NOBODY] * len(tokens)
    for number, (column, start, end) in enumerate(tokens):
        if column is not None:
            owners[number] = len(units)
            units.append(Unit(spelled[column][start:end], column, start, end))
    return units, owners
