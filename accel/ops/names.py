"""A table of names: what training names is named again, nothing else. A finder of entities has to be better than it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Name = tuple[str, ...]
"""The words of a name."""
Found = tuple[int, int, str]
"""The first word of a name, the one behind its last, and its type."""


@dataclass(frozen=True)
class NameTable:
    """Names by their words, each with the type that it has most often."""

    types: Mapping[Name, str]

    @cached_property
    def lengths(self) -> Mapping[str, Sequence[int]]:
        return _lengths(self.types)

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]], names: Sequence[Iterable[Found]]) -> NameTable:
        """Of words and what they name; words that are a name in fewer than half of their places are left out."""
        counts: defaultdict[Name, Counter[str]] = defaultdict(Counter)
        for words, found in zip(texts, names, strict=True):
            for begin, end, kind in found:
                counts[tuple(words[begin:end])][kind] += 1
        types = {name: min(kinds, key=lambda kind: (-kinds[kind], kind)) for name, kinds in counts.items()}
        lengths = _lengths(types)
        places = Counter(name for words in texts for _, _, name in _parts(words, types, lengths))
        return cls({name: types[name] for name, kinds in counts.items() if 2 * kinds.total() >= places[name]})

    def find(self, words: Sequence[str]) -> list[Found]:
        """From left to right, at each place the longest name."""
        found: list[Found] = []
        for begin, end, name in _parts(words, self.types, self.lengths):
            if not found or begin >= found[-1][1]:
                found.append((begin, end, self.types[name]))
        return found


def _lengths(names: Iterable[Name]) -> dict[str, list[int]]:
    """By its first word, how many words a name may have: the most first."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for name in names:
        found[name[0]].add(len(name))
    return {word: sorted(lengths, reverse=True) for word, lengths in found.items()}


def _parts(
    words: Sequence[str], known: Mapping[Name, str], lengths: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, int, Name]]:
    """Every part of a text that is a known name, from left to right and the longest first, overlapping ones too."""
    for begin, word in enumerate(words):
        for length in lengths.get(word, ()):
            name = tuple(words[begin : begin + length])
            if len(name) == length and name in known:  # the text may end before
                yield begin, begin + length, name
