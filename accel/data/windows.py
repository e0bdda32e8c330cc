"""Long contexts in windows: what of a question's context a network reads at once, and where answers stand in it.

A window is the question and a part of the context; neighbouring windows share ``stride`` tokens of it, so that an
answer at the edge of one stands whole in the other. No torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

NO_ANSWER = 0
"""The place in a window whose logits stand for no answer: its first token."""
BEGINS, ELSEWHERE = -2, -1
"""Instead of characters: of a window's first token, and of all others that are not of the context."""
CONTEXT = 1
"""The number of the context among the two texts of a pair."""

Characters = tuple[int, int]
"""Where something begins and ends in a context."""


@dataclass(frozen=True)
class Window:
    """A part of a context, as the network reads it."""

    first: int
    """The place of the context's first token in the sequence."""
    offsets: np.ndarray
    """int [tokens of the context, 2]: where each begins and ends in the context, in characters."""

    @classmethod
    def of(cls, encoding: Encoding) -> Window:
        """Of what a tokenizer made of a pair."""
        return cls.of_tokens(encoding.sequence_ids, encoding.offsets)

    @classmethod
    def of_tokens(cls, texts: Sequence[int | None], offsets: Sequence[Characters]) -> Window:
        """Args: of each token of a pair, which text it is of, and where it stands there."""
        places = [place for place, text in enumerate(texts) if text == CONTEXT]
        return cls(places[0] if places else 0, np.array([offsets[p] for p in places], np.int64).reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def last(self) -> int:
        """The place behind the context's last token."""
        return self.first + len(self)

    def marked(self, num_tokens: int) -> np.ndarray:
        """int [num_tokens, 2]: the characters of every token, ``BEGINS`` or ``ELSEWHERE`` where it has none."""
        made = np.full((num_tokens, 2), ELSEWHERE)
        made[0] = BEGINS
        made[self.first : self.last] = self.offsets
        return made


@dataclass(frozen=True)
class Read:
    """A pair as a tokenizer made it ready."""

    parts: list[Encoding]
    """One for each window, from left to right."""
    is_cut: bool
    """Whether the question was longer than half a window, so that its rest was left out."""

    @property
    def windows(self) -> list[Window]:
        """Of the context."""
        return [Window.of(part) for part in self.parts]


def in_windows(tokenizer: Tokenizer, pairs: Sequence[tuple[str, ...]], max_length: int, stride: int) -> Iterator[Read]:
    """Every (question, context) in windows of at most ``max_length`` tokens.

    Args:
        tokenizer: whose settings of length are changed.
        stride: tokens of the context that two neighbours share; at most a third of ``max_length``.
    """
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # a text that spells [SEP] holds these letters and no special token
    room = (max_length - tokenizer.num_special_tokens_to_add(True)) // 2
    asked = tokenizer.encode_batch([question for question, _ in pairs], add_special_tokens=False)
    cut = [len(one) > room for one in asked]
    ends = [one.offsets[room - 1][1] if is_cut else None for one, is_cut in zip(asked, cut, strict=True)]
    tokenizer.enable_truncation(max_length, stride=stride, strategy="only_second")
    ready = [(question[:end], context) for (question, context), end in zip(pairs, ends, strict=True)]
    for found, is_cut in zip(tokenizer.encode_batch(ready), cut, strict=True):
        yield Read([found, *found.overflowing], is_cut)


def unmarked(marks: np.ndarray) -> list[tuple[slice, Window]]:
    """Where each window's tokens stand, and the window, of what ``Window.marked`` gave one after the other."""
    edges = [*np.flatnonzero(marks[:, 0] == BEGINS).tolist(), len(marks)]
    found = []
    for begin, end in pairwise(edges):
        own = np.flatnonzero(marks[begin:end, 0] >= 0)
        first = int(own[0]) if len(own) else 0
        found.append((slice(begin, end), Window(first, marks[begin:end][own])))
    return found


def starts(windows: Sequence[Window], stride: int) -> np.ndarray:
    """int [windows]: which token of the whole context is the first of each."""
    return np.arange(len(windows)) * (len(windows[0]) - stride)


def most_context(windows: Sequence[Window], stride: int) -> list[np.ndarray]:
    """Of each window, bool [tokens]: whether no other shows more of what stands around the token.

    Each token of the context is so marked in exactly one window; the more tokens stand on its poorer side, the better.
    """
    begins = starts(windows, stride)[:, None]
    ends = begins + np.array([[len(window)] for window in windows])
    places = np.arange(int(ends[-1, 0]))
    owner = np.minimum(places - begins, ends - 1 - places).argmax(0)
    return [owner[b:e] == n for n, (b, e) in enumerate(zip(begins[:, 0], ends[:, 0], strict=True))]


def place_of(answer: Characters, windows: Sequence[Window], stride: int) -> list[Characters | None]:
    """Of each window, where the answer's first and last token stand in the sequence; None where it is not whole."""
    begins = starts(windows, stride)
    offsets = np.concatenate([windows[0].offsets, *(window.offsets[stride:] for window in windows[1:])])
    touched = np.flatnonzero((offsets[:, 0] < answer[1]) & (offsets[:, 1] > answer[0]))
    if not len(touched):
        return [None] * len(windows)
    first, last = int(touched[0]), int(touched[-1])
    found: list[Characters | None] = []
    for begin, window in zip(begins.tolist(), windows, strict=True):
        shift = window.first - begin
        whole = begin <= first and last < begin + len(window)
        found.append((first + shift, last + shift) if whole else None)
    return found
