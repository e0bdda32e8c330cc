"""One look, one label."""

import pytest

from accel.data.spelling import label_of, mended, notes_on_labels


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("ne\u0301gatif", "n\u00e9gatif"),
        ("pos\u200b", "pos"),
        ("\ufeffpos\u00ad", "pos"),
        ("po\u200ds\u200d", "pos"),
        ("very\u00a0 good", "very good"),
        ("\u3164", ""),
        ("0.0", "0"),
        ("-0.0", "0"),
        ("3.00", "3"),
        ("1.10", "1.10"),
        ("007", "007"),
        ("\u2764\ufe0f", "\u2764"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (True, "True"),
    ],
)
def test_labels_have_one_spelling(written, label):
    assert label_of(written) == label
    assert label_of(label) == label


def test_halves_of_characters_are_replaced_and_whole_ones_stay():
    assert mended("a\ud83d 😀\ude00") == "a\ufffd 😀\ufffd"


def test_many_are_counted_not_listed():
    (note,) = notes_on_labels([f"{n}.0" for n in range(9)], [str(n) for n in range(9)])
    assert note.endswith("'2' (also '2.0') and 6 more")
    assert notes_on_labels(["a", "b"], ["a", "b"]) == []
