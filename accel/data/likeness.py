"""Answers as texts: how like a right one an answer is, in words or in characters. No torch."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from enum import Enum

from accel.data.words import HAN

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = frozenset(string.punctuation)
PIECES = re.compile(rf"[{HAN}]|[^\s{HAN}]+")
"""Ideographs and kana one by one, everything else up to the next space."""


class Language(Enum):
    """How answers are compared."""

    en = "en"
    """By word, without articles and ASCII punctuation, as SQuAD's own script does."""
    zh = "zh"
    """By character, words of other scripts whole, without punctuation of any width."""


def english(text: str) -> list[str]:
    """The words that count.

    Reference: normalize_answer of https://rajpurkar.github.io/SQuAD-explorer, version 2.0.
    """
    kept = "".join(c for c in text.lower() if c not in PUNCTUATION)
    return ARTICLES.sub(" ", kept).split()


def chinese(text: str) -> list[str]:
    """The characters that count; full-width letters and digits are as others, and a number or a Latin word is one."""
    plain = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(" " if unicodedata.category(c)[0] in "PS" else c for c in plain)
    return PIECES.findall(kept)


PARTS = {Language.en: english, Language.zh: chinese}


def likeness(found: str, right: Sequence[str], language: Language) -> tuple[float, float]:
    """(F1, exact match) of an answer, with the right one that it is most like; ``right`` may be none.

    An empty answer says that there is none, which is right or wrong altogether.
    """
    parts = PARTS[language]
    mine, theirs = parts(found), [made for text in right if (made := parts(text))] or [[]]
    return max(_f1(mine, other) for other in theirs), float(mine in theirs)


def _f1(found: Sequence[str], right: Sequence[str]) -> float:
    if not found or not right:
        return float(not found and not right)
    shared = sum((Counter(found) & Counter(right)).values())
    return 2 * shared / (len(found) + len(right))


def language_of(answers: Sequence[str]) -> Language:
    """Chinese where more than half of them hold an ideograph or kana."""
    wide = sum(bool(re.search(f"[{HAN}]", answer)) for answer in answers)
    return Language.zh if 2 * wide > len(answers) else Language.en
