import pytest

from accel.data.words import spelled
from accel.explanation.units import NOBODY, pieces, words


def of(text, tokens, spelling=None):
    units, owners = words([text], [spelling or text], [(None, 0, 0), *[(0, *t) for t in tokens], (None, 0, 0)])
    assert owners[0] == owners[-1] == NOBODY
    return [unit.text for unit in units], owners[1:-1]


@pytest.mark.parametrize(
    ("text", "tokens", "expected", "owners"),
    [
        ("rude crew!", [(0, 2), (2, 4), (5, 9), (9, 10)], ["rude", "crew!"], [0, 0, 1, 1]),
        ("很好 ok", [(0, 1), (1, 2), (3, 5)], ["很", "好", "ok"], [0, 1, 2]),
        ("客服很好", [(0, 2), (2, 3), (3, 4)], ["客服", "很", "好"], [0, 1, 2]),
        ("客", [(0, 1), (0, 1), (0, 1)], ["客"], [0, 0, 0]),
        ("שלום עולם", [(0, 4), (4, 9)], ["שלום", "עולם"], [0, 1]),
        ("हिन्दी है", [(0, 6), (7, 9)], ["हिन्दी", "है"], [0, 1]),
        ("one two three", [(0, 3), (4, 7)], ["one", "two"], [0, 1]),
        ("a  b", [(0, 1), (1, 2), (2, 4)], ["a", "b"], [0, 0, 1]),
        ("", [], [], []),
    ],
    ids=["pieces", "ideographs", "shared-token", "bytes", "hebrew", "marks", "cut", "white-space", "empty"],
)
def test_words_are_those_that_people_read(text, tokens, expected, owners):
    assert of(text, tokens) == (expected, owners)


def test_positions_are_those_of_the_text_as_it_was_given():
    text = "客服in Rome,"
    units, _ = words([text], [spelled(text)], [(0, 0, 1), (0, 2, 3), (0, 4, 6), (0, 7, 11), (0, 12, 13)])
    assert [unit.text for unit in units] == ["客", "服", "in", "Rome", ","]
    assert all(text[unit.start : unit.end] == unit.text for unit in units)


def test_a_pair_has_the_words_of_both():
    units, owners = words(["a b", "c"], ["a b", "c"], [(0, 0, 1), (0, 2, 3), (None, 0, 0), (1, 0, 1)])
    assert [(unit.text, unit.column) for unit in units] == [("a", 0), ("b", 0), ("c", 1)]
    assert owners == [0, 1, NOBODY, 2]


def test_pieces_are_units_of_their_own():
    units, owners = pieces(["rude"], ["rude"], [(None, 0, 0), (0, 0, 2), (0, 2, 4)])
    assert [unit.text for unit in units] == ["ru", "de"]
    assert owners == [NOBODY, 0, 1]
