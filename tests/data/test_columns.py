"""From a table's columns to examples: what is dropped is counted, what cannot be used is refused with its line."""

from pathlib import Path

import pytest

from accel.data.columns import examples_of
from accel.data.examples import Tally
from accel.data.table import Table
from accel.errors import DataError


def table(*rows, first_line=2):
    lines = list(range(first_line, first_line + len(rows)))
    return Table(
        Path("data.csv"), ["text", "label"], [dict(zip(("text", "label"), r, strict=True)) for r in rows], lines
    )


def labels_of(*values):
    return [
        e.label for e in examples_of(table(*[(f"t{i}", v) for i, v in enumerate(values)]), ["text"], "label", Tally())
    ]


def test_labels_of_any_type_become_their_text():
    assert labels_of(4, 4.0, "4.0", True, "好", " b ", 0.5, -1) == ["4", "4", "4", "True", "好", "b", "0.5", "-1"]


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan"), "\u200b"])
def test_a_missing_label_is_refused_with_line_and_count(missing):
    with pytest.raises(DataError, match=r"data\.csv, line 3: .*'label' is missing, .*2 of 4 rows. Fill it in"):
        labels_of("a", missing, "b", missing)


@pytest.mark.parametrize(("label", "named"), [([1, 0], "list"), ({"a": 1}, "dict"), (float("inf"), "inf")])
def test_what_is_no_class_is_refused_with_its_line(label, named):
    with pytest.raises(DataError, match=rf"line 3: the label .*{named}.*(W|w)rite"):
        labels_of("a", label)


def noted_of(*values):
    tally = Tally()
    examples_of(table(*[(f"t{i}", v) for i, v in enumerate(values)]), ["text"], "label", tally)
    return " ".join(tally.notes)


def test_what_is_merged_or_only_looks_alike_is_said():
    assert labels_of("nan", "null") == ["nan", "null"]
    assert "only an empty label counts as missing" in noted_of("nan", "Roti")
    assert "one class: 'pos' (also 'pos\\u200b')" in noted_of("pos\u200b", "pos")
    assert "differ by case" in noted_of("Pos", "pos")
    assert "regression" in noted_of(0.5, 0.25)
    assert noted_of("a", "b ", 1, 2) == ""


def test_half_a_character_is_replaced_in_texts_and_refused_in_labels():
    tally = Tally()
    found = examples_of(table(("cold \ud83d", "a"), ("x", "b"), ("\ude00", "b")), ["text"], "label", tally)
    assert [e.texts for e in found] == [("cold \ufffd",), ("x",), ("\ufffd",)]
    assert "2 texts of data.csv with half a character" in tally.notes[0]
    assert "first in line 2" in tally.notes[0]
    with pytest.raises(DataError, match=r"line 3: the label 'pos\\ud83d'"):
        labels_of("pos", "pos\ud83d")


def test_what_was_noted_of_the_file_is_told():
    made, tally = table(("a", "x")), Tally()
    made.notes.append("Separator: a bar")
    examples_of(made, ["text"], "label", tally)
    assert tally.notes == ["Separator: a bar"]


def test_texts_that_are_no_strings():
    found = examples_of(table((12, "a"), (0.5, "b")), ["text"], "label", Tally())
    assert [e.texts for e in found] == [("12",), ("0.5",)]
    with pytest.raises(DataError, match=r"line 2: column 'text' holds a list, .* Choose another column"):
        examples_of(table((["a"], "a")), ["text"], "label", Tally())


def test_rows_without_text_are_dropped_and_counted():
    tally = Tally()
    found = examples_of(table((" ", "a"), (None, "a"), (float("nan"), "b"), ("nan", "b")), ["text"], "label", tally)
    assert [e.texts for e in found] == [("nan",)]
    assert (tally.dropped, tally.notes) == (3, ["3 rows dropped: no text in data.csv"])


def test_all_texts_empty_is_refused():
    with pytest.raises(DataError, match=r"task\.text=text: all texts in data\.csv are empty. Choose another column"):
        examples_of(table(("", "a"), (" ", "b")), ["text"], "label", Tally())
