"""A table of names finds what training named, where it is named more often than not, and nothing that is new."""

from accel.ops.names import NameTable

TEXTS = [
    ["Ann", "Lee", "met", "Lee"],
    ["the", "bank", "of", "Acme", "Bank"],
    ["a", "bank", "and", "a", "bank"],
    ["Rome", "saw", "Rome"],
]
NAMES = [[(0, 2, "P"), (3, 4, "P")], [(1, 2, "O"), (3, 5, "O")], [], [(0, 1, "P"), (2, 3, "L")]]


def test_the_longest_name_is_found_and_a_word_that_is_seldom_a_name_is_not():
    table = NameTable.of(TEXTS, NAMES)
    assert table.find(["today", "Ann", "Lee", "and", "Lee"]) == [(1, 3, "P"), (4, 5, "P")]
    assert table.find(["the", "bank"]) == []  # a name in one of its three places
    assert table.find(["Acme", "Bank"]) == [(0, 2, "O")]
    assert table.find(["Acme"]) == table.find(["Bob"]) == table.find([]) == []


def test_of_two_types_that_are_as_frequent_the_first_by_name_counts_and_names_do_not_overlap():
    assert NameTable.of(TEXTS, NAMES).find(["Rome"]) == [(0, 1, "L")]
    table = NameTable.of([["A", "B"], ["B", "C", "D"]], [[(0, 2, "X")], [(0, 3, "Y")]])
    assert table.find(["A", "B", "C", "D"]) == [(0, 2, "X")]
    assert table.find(["B", "C", "D"]) == [(0, 3, "Y")]


def test_a_name_ends_within_the_text():
    """A longer name with the same first word does not make a shorter one reach beyond the end."""
    table = NameTable({("new", "york"): "PLACE", ("new", "york", "times"): "PAPER"})
    assert table.find(["in", "new", "york"]) == [(1, 3, "PLACE")]
    assert table.find(["new", "york", "times"]) == [(0, 3, "PAPER")]
    learned = NameTable.of([["new", "york"], ["new", "york", "times"]], [[(0, 2, "PLACE")], [(0, 3, "PAPER")]])
    assert set(learned.types) == {("new", "york"), ("new", "york", "times")}
