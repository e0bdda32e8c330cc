"""Which script texts are written in, and so what reads them: by their letters alone. No torch."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice

WITHOUT_SPACES = frozenset({"HAN", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"})
"""Scripts that put no spaces between words."""
SAMPLE_TEXTS = 2000
SAMPLE_WIDTH = 500
JAPANESE = 0.05
"""Of Japanese so many letters are kana; Chinese has none."""
ENGLISH = 0.04
"""Of English words so many are among the commonest, even in headlines."""
COMMON_ENGLISH = frozenset(
    {
        "the", "of", "and", "to", "is", "for", "with", "that", "it", "this", "on", "you", "are", "not", "was",
        "my", "have", "be", "at", "from", "i",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_NAMES = {"CJK": "HAN"}
_LETTERS = re.compile(r"[^\W\d_]")


def sample(texts: Iterable[str]) -> list[str]:
    """As much as tells what texts are like: the beginnings of the first ones."""
    return [text[:SAMPLE_WIDTH] for text in islice(texts, SAMPLE_TEXTS)]


def scripts_of(texts: Iterable[str]) -> Counter[str]:
    """Letters by their script, as Unicode names it: LATIN, HAN, CYRILLIC."""
    letters = Counter(letter for text in texts for letter in _LETTERS.findall(text))
    found: Counter[str] = Counter()
    for letter, count in letters.items():
        name = unicodedata.name(letter, "UNKNOWN").split()[0]
        found[_NAMES.get(name, name)] += count
    return found


def without_spaces(texts: Iterable[str]) -> bool:
    """Whether most letters are of scripts that put no spaces between words, so that characters say more than words."""
    found = scripts_of(sample(texts))
    return sum(found[script] for script in WITHOUT_SPACES) > 0.5 * found.total()


def language_of(texts: Iterable[str]) -> str:
    """A guess by script: ``English``, ``Chinese``, ``Japanese``, ``Korean``, else the script; Latin by common words."""
    some = sample(texts)
    found = scripts_of(some)
    if not found:
        return "no letters"
    kana = found["HIRAGANA"] + found["KATAKANA"]
    if kana > JAPANESE * found.total():
        return "Japanese"
    most = found.most_common(1)[0][0]
    if 2 * found["HAN"] > found["LATIN"] and found["HAN"] > 0.2 * found.total():  # an ideograph says what letters do
        return "Chinese"
    if most == "LATIN":
        return "English" if _reads_english(some) else "Latin script"
    return {"HANGUL": "Korean"}.get(most, f"{most.capitalize()} script")


def _reads_english(texts: Iterable[str]) -> bool:
    words = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    return sum(words[word] for word in COMMON_ENGLISH) > ENGLISH * words.total()
