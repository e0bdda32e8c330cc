"""Answers are compared as SQuAD's script does in English, and by character in Chinese."""

import collections
import re
import string

import numpy as np
import pytest
from torchmetrics.functional.text import squad

from accel.data.likeness import Language, chinese, english, language_of, likeness

WORDS = ["the", "A", "cat", "Cat's", "sat,", "on", "an", "mat.", "(42)", "“quoted”", "naïve", "U.S."]


def random_answer(draw):
    return " ".join(draw.choice(WORDS, size=draw.integers(0, 6)))


def official_normalised(text):
    """SQuAD 2.0's evaluation script, as it is published."""
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text).split())


def official(right, found):
    """(F1, exact) of its get_raw_scores."""
    right = [a for a in right if official_normalised(a)] or [""]

    def f1(gold):
        theirs, mine = official_normalised(gold).split(), official_normalised(found).split()
        same = sum((collections.Counter(theirs) & collections.Counter(mine)).values())
        if not theirs or not mine:
            return int(theirs == mine)
        return (
            2 * (same / len(mine)) * (same / len(theirs)) / ((same / len(mine)) + (same / len(theirs))) if same else 0
        )

    exact = max(int(official_normalised(a) == official_normalised(found)) for a in right)
    return max(map(f1, right)), exact


def test_english_is_squads_own_script():
    draw = np.random.default_rng(0)
    cases = [([random_answer(draw) for _ in range(draw.integers(0, 3))], random_answer(draw)) for _ in range(400)]
    ours = [likeness(found, right, Language.en) for right, found in cases]
    assert ours == [pytest.approx(official(right, found)) for right, found in cases]
    assert 0 < np.mean(ours) < 1  # some alike, some not


def test_english_is_torchmetrics_where_there_is_an_answer():
    right, found = ["the big cat", "on a mat"], "A big mat."
    theirs = squad(
        {"prediction_text": found, "id": "1"}, {"answers": {"text": right, "answer_start": [0, 0]}, "id": "1"}
    )
    f1, exact = likeness(found, right, Language.en)
    assert (100 * f1, 100 * exact) == pytest.approx((float(theirs["f1"]), float(theirs["exact_match"])))


@pytest.mark.parametrize(
    ("found", "right", "expected"),
    [
        ("北京大学", ["北京大学"], (1.0, 1.0)),
        ("北京大学。", ["《北京大学》"], (1.0, 1.0)),
        ("北京", ["北京大学"], (2 / 3, 0.0)),
        ("1998年", ["１９９８年"], (1.0, 1.0)),
        ("上海", ["北京"], (0.0, 0.0)),
        ("", [], (1.0, 1.0)),
        ("北京", [], (0.0, 0.0)),
        ("", ["北京"], (0.0, 0.0)),
    ],
)
def test_chinese_is_by_character_without_signs_of_any_width(found, right, expected):
    assert likeness(found, right, Language.zh) == pytest.approx(expected)


def test_parts_of_a_text():
    assert chinese("iPhone 15，很好！") == ["iphone", "15", "很", "好"]
    assert english("The Cat's an idea.") == ["cats", "idea"]


def test_the_language_is_that_of_most_answers():
    assert language_of(["北京", "上海", "IBM"]) is Language.zh
    assert language_of(["北京", "Rome"]) is Language.en
    assert language_of([]) is Language.en
