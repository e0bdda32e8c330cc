"""What every task from a table with texts has: tests/task/test_text_classification.py looks at it through one of them."""

import pytest

from accel.task._text_file import TextFile
from accel.task.regression import Regression
from accel.task.text_classification import TextClassification


@pytest.mark.parametrize("kind", [TextClassification, Regression])
def test_a_label_is_neither_a_text_nor_a_group(kind):
    assert issubclass(kind, TextFile)
    for settings in ({"text": "stars"}, {"text": ["a", "stars"]}, {"split_by": "stars"}):
        assert list(kind(train="a.csv", label="stars", **settings).objections(None))
    assert not list(kind(train="a.csv", label="stars", split_by="user").objections(None))


def test_a_split_without_a_file_has_no_examples():
    assert TextClassification(train="a.csv").read("test", None) == []
