"""How much of one text stands in another: ROUGE-L, over words of any language. No torch, and nothing is downloaded.

Lin 2004. The usual packages keep letters a to z and digits only, so that Chinese has a score of 0; here words are those
of ``accel.data.words``, with ideographs one by one. On plain English without stemming the figures are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

from accel.data.words import words_of


def spoken(text: str) -> list[str]:
    """Its words in lower case, without signs."""
    lower = text.lower()
    words = (lower[start:end] for start, end in words_of(lower))
    return [word for word in words if word[0].isalnum()]


def rouge_l(written: str, true: str) -> float:
    """F1 of the longest common subsequence of words, in [0, 1]; two texts without any word have it all."""
    ours, theirs = spoken(written), spoken(true)
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * _longest(ours, theirs) / (len(ours) + len(theirs))


def _longest(first: Sequence[str], second: Sequence[str]) -> int:
    """Words of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        above = row
        row = [0]
        for place, other in enumerate(second):
            row.append(above[place] + 1 if word == other else max(row[place], above[place + 1]))
    return row[-1]


def same(written: str, true: str) -> bool:
    """Whether two texts differ in spaces at most."""
    return " ".join(written.split()) == " ".join(true.split())
