"""The likeliest part is that of a loop over all parts of all windows."""

import math
from itertools import pairwise

import numpy as np
import pytest

from accel.data.windows import Window, most_context, starts
from accel.objective._extraction import ALWAYS, best_parts, best_threshold, score_of_none, trimmed

STRIDE, LONGEST, SIZE, TOKENS = 3, 4, 8, 21


def windows():
    """A context of ``TOKENS`` tokens of two characters each, behind three tokens of a question."""
    offsets = np.array([[2 * n, 2 * n + 2] for n in range(TOKENS)])
    return [Window(3, offsets[begin : begin + SIZE]) for begin in range(0, TOKENS - STRIDE, SIZE - STRIDE)]


def logits(seed=0):
    draw = np.random.default_rng(seed)
    return [3 * draw.standard_normal((window.last + 1, 2)) for window in windows()]


def every_part(found):
    """Characters and log-odds of each part that may be an answer, window by window, token by token."""
    parts = []
    owned, begins = most_context(windows(), STRIDE), starts(windows(), STRIDE)
    for n, (window, own) in enumerate(zip(windows(), found, strict=True)):
        for first in range(len(window)):
            for last in range(first, min(first + LONGEST, len(window))):
                if owned[n][first]:
                    odds = own[3 + first, 0] + own[3 + last, 1] - own[0, 0] - own[0, 1]
                    begin = begins[n]
                    parts.append(((2 * (begin + first), 2 * (begin + last) + 2), odds))
    return sorted(parts, key=lambda part: -part[1])


@pytest.mark.parametrize("seed", range(5))
def test_the_best_are_those_of_a_loop(seed):
    found, expected = logits(seed), every_part(logits(seed))
    total = math.log(1 + sum(math.exp(odds) for _, odds in expected))
    best = best_parts(windows(), found, STRIDE, LONGEST, 5)
    assert [part.characters for part in best] == [characters for characters, _ in expected[:5]]
    assert [part.odds for part in best] == pytest.approx([odds for _, odds in expected[:5]])
    assert [part.score for part in best] == pytest.approx([math.exp(odds - total) for _, odds in expected[:5]])
    assert score_of_none(best) == pytest.approx(math.exp(-total))
    assert best_parts(windows(), found, STRIDE, LONGEST) == best[:1]


def test_all_parts_and_none_together_are_certain():
    found = best_parts(windows(), logits(), STRIDE, LONGEST, 10_000)
    assert sum(part.score for part in found) + score_of_none(found) == pytest.approx(1)
    assert len({part.characters for part in found}) == len(found)
    assert all(0 < (end - begin) // 2 <= LONGEST for begin, end in (part.characters for part in found))


def test_what_is_added_to_all_logits_of_a_window_changes_nothing():
    """Negative control: added to the first token alone, it does."""
    moved = [own + 5 * n for n, own in enumerate(logits())]
    assert best_parts(windows(), moved, STRIDE, LONGEST)[0].odds == pytest.approx(
        best_parts(windows(), logits(), STRIDE, LONGEST)[0].odds
    )
    for own in moved:
        own[0] += 5
    assert best_parts(windows(), moved, STRIDE, LONGEST)[0].score < 0.1


def test_of_equal_parts_the_first_comes_first():
    flat = [np.zeros_like(own) for own in logits()]
    best = best_parts(windows(), flat, STRIDE, LONGEST, 2)
    assert [part.characters for part in best] == [(0, 2), (0, 4)]
    assert best_parts([Window(0, np.empty((0, 2), np.int64))], [np.zeros((4, 2))], STRIDE, LONGEST) == []
    assert score_of_none([]) == 1


def test_white_space_belongs_to_no_answer():
    assert trimmed("a  bc ", (1, 6)) == (3, 5)
    assert trimmed("ab", (0, 2)) == (0, 2)


def total(threshold, odds, answered, unanswered):
    return float(np.where(odds > threshold, answered, unanswered).sum())


@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_is_better(seed):
    draw = np.random.default_rng(seed)
    odds = draw.integers(-3, 4, 30).astype(float)  # many are equal
    answered, unanswered = draw.random(30), draw.integers(0, 2, 30).astype(float)
    found = best_threshold(odds, answered, unanswered)
    edges = sorted(set(odds))
    tried = [ALWAYS, *((a + b) / 2 for a, b in pairwise(edges)), edges[-1] + 1]
    values = [total(t, odds, answered, unanswered) for t in tried]
    assert total(found, odds, answered, unanswered) == pytest.approx(max(values))
    assert found == pytest.approx(tried[int(np.argmax(values))])


def test_where_every_question_has_an_answer_there_always_is_one():
    odds = np.array([-5.0, 1.0, 2.0])
    assert best_threshold(odds, np.array([0.1, 0.5, 1.0]), np.zeros(3)) == ALWAYS
    assert best_threshold(odds, np.zeros(3), np.ones(3)) > 2
