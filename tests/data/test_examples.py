"""Examples of which each counts once, and the data set that splits make."""

import pytest

from accel.data.examples import Example, Tally, assemble, sorted_labels, unique
from accel.errors import DataError


def examples(**counts):
    return [Example((f"{label} {i}",), label) for label, count in counts.items() for i in range(count)]


def test_repeated_rows_count_once_and_contradictions_go():
    tally = Tally()
    kept = unique([Example((t,), y) for t, y in ("aX", "aX", "bX", "bY", "cY")], tally)
    assert [e.texts[0] for e in kept] == ["a", "c"]
    assert (tally.duplicates, tally.dropped) == (2, 1)
    assert tally.notes == ["1 row dropped: the same text has different labels"]


def test_numbers_sort_by_value_and_before_words():
    assert sorted_labels(Example((), y) for y in ("b", "10", "9", "-1", "a")) == ["-1", "9", "10", "a", "b"]


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
