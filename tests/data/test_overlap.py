"""ROUGE-L by hand, by a naive subsequence, and in Chinese."""

import random
from itertools import combinations

import pytest

from accel.data.overlap import rouge_l, same, spoken


def naive(first, second):
    """Length of the longest common subsequence, by trying all."""
    for size in range(min(len(first), len(second)), 0, -1):
        if set(combinations(first, size)) & set(combinations(second, size)):
            return size
    return 0


@pytest.mark.parametrize(
    ("written", "true", "expected"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),  # Lin 2004, section 3.1
        ("the gunman kill police", "police kill the gunman", 0.5),
        ("Police KILLED, the gunman!", "police killed the gunman", 1.0),
        ("我爱北京", "我爱上海", 0.5),
        ("我爱北京", "我爱北京", 1.0),
        ("", "a word", 0.0),
        ("...", "", 1.0),
        ("one", "two", 0.0),
    ],
)
def test_figures_by_hand(written, true, expected):
    assert rouge_l(written, true) == pytest.approx(expected)
    assert rouge_l(true, written) == pytest.approx(expected)


def test_it_is_the_longest_common_subsequence():
    chance = random.Random(0)
    for _ in range(60):
        first, second = ([chance.choice("abcd") for _ in range(chance.randint(1, 7))] for _ in range(2))
        expected = 2 * naive(first, second) / (len(first) + len(second))
        assert rouge_l(" ".join(first), " ".join(second)) == pytest.approx(expected)


def test_words_are_lower_case_without_signs_and_ideographs_stand_alone():
    assert spoken("Don't — 3.5 好人!") == ["don", "t", "3", "5", "好", "人"]
    assert same(" a  b", "a b")
    assert not same("a b", "ab")
