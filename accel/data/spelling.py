"""What looks the same is the same: labels in one spelling, texts without halves of characters. No torch."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

LONE = re.compile("[\ud800-\udfff]")
"""Half of a character outside the Basic Multilingual Plane; no encoding has it, and no tokenizer takes it."""
REPLACEMENT = "\ufffd"
WHOLE = re.compile(r"(-?\d+)\.0+")
JOINERS = "\u200c\u200d"
"""They shape Persian words and join emoji, and mean nothing between other letters."""
BLANK = "\u034f\u115f\u1160\u2800\u3164\uffa0"
"""Invisible too, whatever Unicode calls them."""
MISSING_WORDS = ("nan", "null", "none", "na", "n/a", "<na>")
SHOWN = 3
"""Examples in a note."""


def label_of(value: Any) -> str:
    """A label as it is counted: letters composed (Unicode NFC), nothing invisible, whole numbers without a fraction."""
    return _spelled(str(value))


@lru_cache(maxsize=4096)
def _spelled(written: str) -> str:
    text = unicodedata.normalize("NFC", written)
    visible = "".join(c for n, c in enumerate(text) if not _is_invisible(text, n))
    label = " ".join(visible.split())
    whole = WHOLE.fullmatch(label)
    return str(int(whole[1])) if whole else label


def _is_invisible(text: str, place: int) -> bool:
    c = text[place]
    if c in JOINERS:
        return any(neighbour.isascii() for neighbour in (text[place - 1 : place] or " ", text[place + 1 :][:1] or " "))
    kind = unicodedata.category(c)
    return kind == "Cf" or (kind == "Cc" and not c.isspace()) or c in BLANK or "\ufe00" <= c <= "\ufe0f"


def mended(text: str) -> str:
    """A text with a replacement character for every half of one."""
    return LONE.sub(REPLACEMENT, text)


def notes_on_labels(written: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What a user should know of how labels are written: one class in several ways, several that look like one."""
    spellings = defaultdict[str, set[str]](set)
    for raw, label in zip(written, labels, strict=True):
        spellings[label].add(raw)
    return [*_merged(spellings), *_looking_alike(spellings), *_missing_words(spellings), *_amounts(spellings)]


def _merged(spellings: dict[str, set[str]]) -> list[str]:
    several = {label: sorted(raws - {label}) for label, raws in spellings.items() if raws != {label}}
    shown = [f"{label!r} (also {', '.join(map(ascii, raws))})" for label, raws in several.items()]
    return [f"Labels that look or count the same are one class: {_some(shown)}"] if shown else []


def _looking_alike(labels: Iterable[str]) -> list[str]:
    """Those that differ by case, and those that differ by the width of their letters."""
    by_case = _alike(labels, str.casefold)
    by_width = _alike(labels, lambda label: unicodedata.normalize("NFKC", label))
    notes = {"case": by_case, "width or form of a letter": by_width}
    return [
        f"Labels that differ by {what} alone stay different classes: {_some(found)}"
        for what, found in notes.items()
        if found
    ]


def _alike(labels: Iterable[str], as_seen: Callable[[str], str]) -> list[str]:
    groups = defaultdict[str, list[str]](list)
    for label in labels:
        groups[as_seen(label)].append(label)
    return [" and ".join(map(repr, sorted(group))) for group in groups.values() if len(group) > 1]


def plain(name: str) -> str:
    """A column's name without spaces around it and what cannot be seen, its letters composed."""
    text = unicodedata.normalize("NFC", name)
    return "".join(c for n, c in enumerate(text) if not _is_invisible(text, n)).strip()


def _missing_words(labels: Iterable[str]) -> list[str]:
    found = [repr(label) for label in labels if label.casefold() in MISSING_WORDS]
    return [f"{_some(found)} is taken as a class: only an empty label counts as missing"] if found else []


def _amounts(labels: Iterable[str]) -> list[str]:
    numbers = [label for label in labels if re.fullmatch(r"-?\d*\.\d+(e-?\d+)?", label)]
    if not numbers:
        return []
    return [
        f"Labels are numbers with fractions ({_some(numbers)}): each is a class of its own here. If they are amounts, "
        f"regression fits them, not classification"
    ]


def _some(found: Sequence[str]) -> str:
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
