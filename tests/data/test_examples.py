"""From rows to splits: what is dropped is counted, what cannot be used is refused with its line."""

from pathlib import Path

import pytest

from accel.data.examples import (
    Example,
    Tally,
    assemble,
    examples_of,
    sorted_labels,
    split_off,
    three_splits,
    unique,
    without_overlap,
)
from accel.data.table import Table
from accel.errors import DataError


def table(*rows, first_line=2):
    lines = list(range(first_line, first_line + len(rows)))
    return Table(
        Path("data.csv"), ["text", "label"], [dict(zip(("text", "label"), r, strict=True)) for r in rows], lines
    )


def examples(**counts):
    return [Example((f"{label} {i}",), label) for label, count in counts.items() for i in range(count)]


def labels_of(*values):
    return [
        e.label for e in examples_of(table(*[(f"t{i}", v) for i, v in enumerate(values)]), ["text"], "label", Tally())
    ]


def test_labels_of_any_type_become_their_text():
    assert labels_of(4, 4.0, "4.0", True, "好", " b ", 0.5, -1) == ["4", "4", "4.0", "True", "好", "b", "0.5", "-1"]


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan"), "NaN"])
def test_a_missing_label_is_refused_with_line_and_count(missing):
    with pytest.raises(DataError, match=r"data\.csv, line 3: .*'label' is missing, .*2 of 4 rows. Fill it in"):
        labels_of("a", missing, "b", missing)


@pytest.mark.parametrize(("label", "named"), [([1, 0], "list"), ({"a": 1}, "dict"), (float("inf"), "inf")])
def test_what_is_no_class_is_refused_with_its_line(label, named):
    with pytest.raises(DataError, match=rf"line 3: the label .*{named}.*(W|w)rite"):
        labels_of("a", label)


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


def test_repeated_rows_count_once_and_contradictions_go():
    tally = Tally()
    kept = unique([Example((t,), y) for t, y in ("aX", "aX", "bX", "bY", "cY")], tally)
    assert [e.texts[0] for e in kept] == ["a", "c"]
    assert (tally.duplicates, tally.dropped) == (2, 1)
    assert tally.notes == ["1 row dropped: the same text has different labels"]


def test_numbers_sort_by_value_and_before_words():
    assert sorted_labels(Example((), y) for y in ("b", "10", "9", "-1", "a")) == ["-1", "9", "10", "a", "b"]


def test_splitting_is_stratified_disjoint_and_a_function_of_the_seed():
    rows = examples(a=100, b=20)
    rest, part = split_off(rows, 0.2, seed=0)
    assert [sum(e.label == y for e in part) for y in "ab"] == [20, 4]
    assert sorted(map(id, rest + part)) == sorted(map(id, rows))
    assert split_off(rows, 0.2, seed=0) == (rest, part)
    assert split_off(rows, 0.2, seed=1)[1] != part


def test_a_label_with_one_row_stays_in_training_and_is_noted():
    rest, test = split_off(examples(a=10, b=10, rare=1), 0.2, seed=0)
    train, validation = split_off(rest, 0.1, seed=0)
    data = assemble(train, validation, test, Tally(), "x")
    assert data.label_names == ["a", "b", "rare"]
    assert data.train.labels.count(2) == 1
    assert any("Never tested" in note and "rare" in note for note in data.notes)


def test_held_out_texts_leave_training():
    tally = Tally()
    train = examples(a=3, b=3)
    kept = without_overlap(train, "train", train[:2], "test", tally)
    assert kept == train[2:]
    assert tally.notes == ["2 rows dropped: the text of train is also in test"]
    assert without_overlap([], "validation", train, "test", tally) == []


def test_the_same_file_twice_is_refused():
    train = examples(a=3, b=3)
    with pytest.raises(
        DataError, match=r"task\.train: all of its 6 texts are also in task\.test.* Give different files"
    ):
        without_overlap(train, "train", train, "test", Tally())


def assembled(train, validation=None, test=None):
    return assemble(train, validation or examples(a=1, b=1), test or examples(a=1, b=1), Tally(), "task.train=f.csv")


def test_one_class_only_is_refused():
    with pytest.raises(DataError, match=r"task\.train=f\.csv has one label only \(a\).* Check task\.label"):
        assembled(examples(a=5))
    assert assembled(examples(a=5, b=5)).label_names == ["a", "b"]


def test_a_label_that_training_never_saw_is_refused_with_its_place():
    with pytest.raises(DataError, match=r"task\.test, f\.csv, line 9: the label 'c' never occurs in training"):
        assembled(examples(a=2, b=2), test=[Example(("x",), "c", "f.csv, line 9")])


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match=r"no example is left for the test split. Add examples"):
        assemble(examples(a=2, b=2), examples(a=1), [], Tally(), "x")


@pytest.mark.parametrize(("counts", "noted"), [({"a": 9, "b": 1}, True), ({"a": 6, "b": 4}, False)])
def test_class_imbalance_is_noted_with_the_share(counts, noted):
    notes = assembled(examples(**counts)).notes
    assert any("imbalanced: 'a' is 90.0%" in note for note in notes) is noted


def test_the_fingerprint_follows_content_and_order():
    rows = examples(a=3, b=3)
    assert assembled(rows).fingerprint == assembled(list(rows)).fingerprint
    assert assembled(rows).fingerprint != assembled(rows[::-1]).fingerprint
    assert assembled(rows).fingerprint != assembled(rows[:-1]).fingerprint


def test_what_is_given_is_kept_and_the_rest_is_split_off():
    rows, tally = examples(a=20, b=20), Tally()
    train, validation, test = three_splits(rows, 0.2, 0.1, 0, test=rows[:3], tally=tally)
    assert test == rows[:3]
    assert validation
    assert len(train) + len(validation) == 37
    assert not {e.texts for e in train} & {e.texts for e in [*validation, *test]}
    assert tally.dropped == 3
    assert three_splits(rows, 0.2, 0.1, 0)[2] == split_off(rows, 0.2, 0)[1]
