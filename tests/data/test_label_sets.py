"""Labels of a list, of one cell, or of columns; what is none is refused with its line."""

from pathlib import Path

import pytest

from accel.data.label_sets import columns_of, sets_of
from accel.data.table import Table
from accel.errors import DataError


def table(*rows):
    return Table(Path("a.jsonl"), list(rows[0]), rows, list(range(1, 1 + len(rows))))


def topics(*values):
    return sets_of(table(*({"topics": value} for value in values)), "topics", "|")


def test_equal_sets_are_equal_words_however_they_are_written():
    same = (["ui", "bug"], ("bug", "ui", "bug"), "bug|ui", " ui | bug |", '["bug", "ui"]')
    assert set(topics(*same)) == {'["bug", "ui"]'}
    assert topics([], "", None, float("nan"), [7], "差评") == ["[]", "[]", "", "", '["7"]', '["差评"]']


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "holds a int, not labels"),
        ({"bug": 1}, "holds a dict"),
        ([True], "the label True, a bool"),
        ([["bug"]], "a list"),
        ([None], "a NoneType"),
        ([""], "empty or half a character"),
        (["\ud83d"], "half a character"),
        ('["bug"', "begins as a list and is none"),
    ],
)
def test_what_is_no_set_is_refused_with_its_line(value, said):
    with pytest.raises(DataError) as caught:
        topics(["fine"], value)
    assert "a.jsonl, line 2: column 'topics'" in str(caught.value)
    assert said in str(caught.value)


def test_a_column_for_each_label_holds_one_zero_or_nothing():
    rows = [{"a": "1", "b": "0"}, {"a": True, "b": None}, {"a": 0.0, "b": " "}, {"a": "", "b": float("nan")}]
    assert columns_of(table(*rows), ["a", "b"]) == ["[1, 0]", "[1, null]", "[0, null]", ""]


@pytest.mark.parametrize("value", ["yes", 2, -1, "0.5", [1], "nan"])
def test_what_is_neither_is_refused_with_its_line(value):
    with pytest.raises(DataError, match=r"line 2: column 'b' holds .*nothing if unknown"):
        columns_of(table({"a": 1, "b": 1}, {"a": 1, "b": value}), ["a", "b"])
