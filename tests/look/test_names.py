import pytest

from accel.look.columns import Column
from accel.look.names import is_pair, means_time, means_user, names_label, names_text


def named(name):
    return Column(name, [])


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("label", 2),
        ("airline_sentiment", 1),
        ("情感标签", 1),
        ("airline_sentiment_confidence", 0),
        ("Label", 2),
        ("city", 0),
    ],
)
def test_the_last_word_says_whether_a_column_is_called_a_label(name, rank):
    assert names_label(named(name)) == rank


def test_a_text_is_known_by_its_name():
    assert [names_text(named(n)) for n in ("review", "用户评论", "user_comment", "stars")] == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("one", "other", "pair"),
    [
        ("sentence1", "sentence2", True),
        ("text_a", "text_b", True),
        ("premise", "hypothesis", True),
        ("句子1", "句子2", True),
        ("sentence2", "sentence1", False),
        ("question1", "sentence2", False),
        ("title", "body", False),
    ],
)
def test_a_pair_is_two_names_that_differ_by_a_number(one, other, pair):
    assert is_pair(named(one), named(other)) is pair


def test_when_is_known_by_the_last_word_of_the_name():
    assert [means_time(named(n)) for n in ("timestamp", "created_time", "时间", "timeless", "time_zone")] == [
        True, True, True, False, False
    ]  # fmt: skip


def test_who_is_known_by_a_word_of_the_name():
    assert [means_user(named(n)) for n in ("userId", "customer", "用户编号", "used", "item")] == [True] * 3 + [
        False
    ] * 2
