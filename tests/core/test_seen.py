import pytest

from accel.core.seen import Seen, in_words, noted, union


def test_without_privacy_data_counts_once_and_each_private_run_counts():
    plain, twice = Seen("a.csv", "f1"), [Seen("a.csv", "f1", run, 8.0, 1e-5) for run in ("r1", "r2")]
    assert union([plain], [Seen("copy.csv", "f1"), *twice], twice) == (plain, *twice)


def test_equal_names_are_no_equal_data():
    entries = [Seen("train.csv", "f1"), Seen("train.csv", "f2"), Seen("train.csv")]
    assert union(entries) == tuple(entries)


def test_an_older_note_is_a_name_of_unknown_content():
    assert noted("train.csv") == (Seen("train.csv"),)
    assert noted("") == noted([]) == ()
    with pytest.raises(TypeError):
        noted([{"nothing": 1}])


def test_what_was_spent_is_said():
    assert in_words([Seen("a"), Seen("b", epsilon=7.98765, delta=1e-5)]) == "a, b (epsilon 7.99, delta 1e-05)"
