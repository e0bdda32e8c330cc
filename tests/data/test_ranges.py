from collections import Counter

import pytest

from accel.data.examples import MISSING, Example, Tally, assemble
from accel.data.ranges import in_ranges

AGES = [str(age) for age in range(20, 60)]


def splits(test, train=("20", "99")):
    return [{"age": list(train)}, {"age": ["30"]}, {"age": list(test)}]


def test_many_numbers_are_four_ranges_of_about_equal_size_and_that_is_said():
    (train, _, test), (note,) = in_ranges(splits(AGES), MISSING)
    assert Counter(test["age"]) == {
        "1: at most 29": 10, "2: over 29 to 39": 10, "3: over 39 to 49": 10, "4: over 49": 10,
    }  # fmt: skip
    assert train["age"] == ["1: at most 29", "4: over 49"]  # also what the test split does not reach
    assert "task.group=age" in note
    assert "4 ranges" in note


@pytest.mark.parametrize("test", [["1", "2", "3", "4", "5"] * 9, [*AGES, "unknown"], [*AGES, "nan"], [*AGES, "inf"]])
def test_few_numbers_and_words_are_groups_as_they_are(test):
    (_, _, found), notes = in_ranges(splits(test), MISSING)
    assert (found["age"], notes) == (test, [])


def test_a_word_in_any_split_makes_the_column_one_of_names():
    (_, _, found), notes = in_ranges(splits(AGES, train=["young"]), MISSING)
    assert (found["age"], notes) == (AGES, [])


def test_an_empty_cell_stays_a_group_and_equal_numbers_stay_together():
    (_, _, found), _ = in_ranges(splits([*AGES[:12], MISSING, *["59"] * 90]), MISSING)
    assert found["age"][12] == MISSING
    assert Counter(found["age"]) == {"1: at most 31": 12, MISSING: 1, "2: over 31": 90}


def test_a_data_set_has_the_ranges_and_the_note():
    def example(i, age):
        return Example((f"text {i}",), "ab"[i % 2], strata=(("age", age),))

    train, validation = ([example(i, "30") for i in range(n, n + 4)] for n in (0, 10))
    found = assemble(train, validation, [example(20 + i, age) for i, age in enumerate(AGES)], Tally(), "here")
    assert found.test.strata["age"][0] == "1: at most 29"
    assert any("quartiles" in note for note in found.notes)
