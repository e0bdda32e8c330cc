"""Numbers are read to the last digit, and what is none is refused with its line."""

from decimal import Decimal
from pathlib import Path

import pytest

from accel.data.examples import Tally
from accel.data.numbers import numbers_of
from accel.data.table import Table
from accel.errors import DataError


def table(*values):
    rows = [{"text": "t", "stars": value} for value in values]
    return Table(Path("a.csv"), ["text", "stars"], rows, list(range(2, 2 + len(rows))))


def test_equal_numbers_are_equal_words():
    found = numbers_of(table("4", "4.0", 4, 4.0, Decimal("4.00"), " +4. ", "0.4e1"), "stars", Tally())
    assert set(found) == {"4"}
    assert numbers_of(table(0.1, "1e-5", "-2.50", 123456789.125), "stars", Tally()) == [
        "0.1",
        "1e-05",
        "-2.5",
        "123456789.125",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is missing, as it is in 1 of 2 rows"),
        (None, "is missing"),
        (float("nan"), "is missing"),
        ("five", "task=text_classification"),
        ("5 stars", "Write the number alone"),
        ("4,5", "a decimal point"),
        ("1,000.5", "is no number"),
        ("1_000", "is no number"),
        ("٤", "is no number"),
        ("nan", "no number that can be learned"),
        ("-inf", "no number that can be learned"),
        (float("inf"), "not finite"),
        ("1e400", "not finite"),
        (10**200, "beyond 1e+100"),
        (True, "is a bool"),
        ([4], "is a list"),
    ],
)
def test_what_is_no_number_is_refused_with_its_line(value, said):
    with pytest.raises(DataError) as caught:
        numbers_of(table(3, value), "stars", Tally())
    assert "a.csv, line 3" in str(caught.value)
    assert "'stars'" in str(caught.value)
    assert said in str(caught.value)
