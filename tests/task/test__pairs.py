"""What makes two texts the same, and what stays together."""

import pytest

from accel.data.examples import Example, Tally
from accel.errors import DataError
from accel.task._pairs import assemble, by_query, plain


def test_upper_case_and_white_space_make_no_other_text():
    assert plain(" The  Gate\n") == plain("the gate") != plain("thegate")
    splits = [[Example(pair, "")] for pair in (("a", "b"), ("A ", "c"), ("d", "B"))]
    found = assemble((splits[0], splits[1], splits[2]), Tally(), "task=test")
    assert [split.labels for split in (found.train, found.validation, found.test)] == [[[0, 1]], [[0, 2]], [[3, 1]]]


def test_what_is_part_of_nothing_stays_with_its_query():
    found = by_query([Example(("Hi", "x"), ""), Example(("hi ", "y"), ""), Example(("hi", "z"), "", group="chat")])
    assert [example.group for example in found] == ["hi", "hi", "chat"]


def test_an_empty_split_is_told():
    some = [Example(("a", "b"), "")]
    with pytest.raises(DataError, match="no example is left for the train split"):
        assemble(([], some, some), Tally(), "task=test")
