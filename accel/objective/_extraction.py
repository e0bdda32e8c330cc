"""From a network's logits of all windows to parts of the context: which may be an answer, and how likely. No torch.

The softmax of a window's logits gives each token the odds of being an answer's first or last one against the token that
stands for no answer. These odds, unlike the logits themselves, compare between windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from accel.data.windows import NO_ANSWER, Characters, Window, most_context


@dataclass(frozen=True)
class Part:
    """A part of the context."""

    characters: Characters
    odds: float
    """Log-odds against there being no answer."""
    score: float
    """Its probability, among all parts that may be an answer and no answer."""


def best_parts(
    windows: Sequence[Window], logits: Sequence[np.ndarray], stride: int, longest: int, count: int = 1
) -> list[Part]:
    """The likeliest parts of the context, the first one first; equal ones from left to right.

    A part begins at a token in the window that shows most around that token, ends there or behind it in the same
    window, and has ``longest`` tokens at most. None where the context has no tokens.

    Args:
        logits: [tokens, 2] of each window.
    """
    owned = most_context(windows, stride)
    tables = [_table(*each, longest) for each in zip(windows, logits, owned, strict=True)]
    flat = np.concatenate([table.ravel() for table in tables])
    if not len(flat):
        return []
    total = np.logaddexp.reduce(np.append(flat, 0.0))
    places = [int(place) for place in _highest(flat, count) if flat[place] > -np.inf]
    return [
        Part(_characters(place, windows, tables), float(flat[place]), float(np.exp(flat[place] - total)))
        for place in places
    ]


def score_of_none(found: Sequence[Part]) -> float:
    """The probability that there is no answer, from the likeliest parts; 1 where there is no part at all."""
    return float(np.exp(-found[0].odds) * found[0].score) if found else 1.0


def _table(window: Window, logits: np.ndarray, owned: np.ndarray, longest: int) -> np.ndarray:
    """[tokens, more tokens]: log-odds of the parts that begin at each token and end so many tokens later."""
    if not len(window):
        return np.empty((0, longest))
    own = logits[window.first : window.last].astype(np.float64) - logits[NO_ANSWER].astype(np.float64)
    ends = np.append(own[:, 1], np.full(longest - 1, -np.inf))
    table = own[:, :1] + sliding_window_view(ends, longest)
    table[~owned] = -np.inf
    return table


def _highest(values: np.ndarray, count: int) -> np.ndarray:
    """Places, the highest value first; of equal ones the first comes first."""
    if count == 1:
        return np.array([values.argmax()])
    return np.argsort(-values, kind="stable")[:count]


def _characters(place: int, windows: Sequence[Window], tables: Sequence[np.ndarray]) -> Characters:
    for window, table in zip(windows, tables, strict=True):
        if place < table.size:
            first, more = divmod(place, table.shape[1])
            return int(window.offsets[first, 0]), int(window.offsets[first + more, 1])
        place -= table.size
    raise IndexError(place)


def trimmed(text: str, characters: Characters) -> Characters:
    """Without white space at its ends: some tokens begin with the space before a word."""
    begin, end = characters
    inner = text[begin:end]
    return begin + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


ALWAYS = -1e9
"""A threshold below all log-odds: there is always an answer."""


def best_threshold(odds: np.ndarray, answered: np.ndarray, unanswered: np.ndarray) -> float:
    """The log-odds above which answering has the highest total; of equally good ones the lowest.

    Args:
        odds: [examples], of the best part of each.
        answered: [examples], what answering with it is worth.
        unanswered: [examples], what saying that there is no answer is worth.
    """
    order = np.argsort(odds, kind="stable")
    odds, gains = odds[order], (unanswered - answered)[order]
    edges = np.flatnonzero(np.diff(odds, append=np.inf) > 0)  # behind the last of equal ones
    totals = np.append(0.0, gains.cumsum()[edges])
    best = int(totals.argmax())
    if best == 0:
        return ALWAYS
    edge = int(edges[best - 1])
    above = odds[edge + 1] if edge + 1 < len(odds) else odds[edge] + 2
    return float((odds[edge] + above) / 2)
