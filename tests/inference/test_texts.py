import pytest

from accel.errors import DataError
from accel.inference.texts import Texts

PAIR = Texts(("question", "answer"), 2)


def test_pairs_are_read_as_lists_or_by_column():
    assert PAIR.by_column([["a", "b"], {"answer": "d", "question": "c"}]) == [["a", "c"], ["b", "d"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [("a", "trained on 2"), ({"question": "a"}, "lacks 'answer'"), (["a", 1], "is no text"), (None, "is no text")],
)
def test_anything_else_is_refused(text, said):
    with pytest.raises(DataError, match=said):
        PAIR.row(text)
