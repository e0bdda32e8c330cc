"""A text with its words coloured by what each did for an answer, as safe HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

FOR, AGAINST = (37, 99, 201), (217, 130, 43)
"""Red, green, blue: told apart by eyes that do not tell red from green."""

Span = Sequence[int]
"""Column, begin and end, in characters."""


def coloured(columns: Sequence[str], words: Sequence[str], values: Sequence[float], spans: Sequence[Span]) -> str:
    """Each column as it was given, from left or from right as its first letter says."""
    largest = max(map(abs, values), default=0.0) or 1.0
    marked: list[list[tuple[int, int, str]]] = [[] for _ in columns]
    for word, value, (column, start, end) in zip(words, values, spans, strict=True):
        mark = f'<mark title="{value:+.3f}" style="background:{colour(value / largest)}">{escape(word)}</mark>'
        marked[column].append((start, end, mark))
    return "".join(_text(text, marks) for text, marks in zip(columns, marked, strict=True))


def _text(text: str, marks: Sequence[tuple[int, int, str]]) -> str:
    parts, position = [], 0
    for start, end, mark in marks:
        parts += [escape(text[position:start]), mark]
        position = max(position, end)
    return f'<p class="words" dir="auto">{"".join(parts)}{escape(text[position:])}</p>'


def key(*, has_sign: bool) -> str:
    """What the colours mean."""
    against = f'<mark style="background:{colour(-1)}">spoke against it</mark>' if has_sign else ""
    return f'<p class="key"><mark style="background:{colour(1)}">spoke for it</mark>{against}</p>'


def colour(share: float) -> str:
    """Of the largest number; stronger where it is larger."""
    red, green, blue = FOR if share > 0 else AGAINST
    return f"rgba({red},{green},{blue},{0.6 * abs(share):.2f})"
