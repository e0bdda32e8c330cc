from pathlib import Path

import pytest

from accel.data.read_table import read_table
from accel.data.table import Table
from accel.errors import DataError
from accel.look.columns import Column, columns_of
from accel.look.look import look
from accel.look.oddities import oddities_of
from tests.look.files import english, table, write


def odd(text, tmp_path):
    read = read_table(write(tmp_path, "my.csv", text), "FILE")
    return oddities_of(read, columns_of(read))


def test_two_columns_of_one_name_are_told_and_the_rest_is_understood(tmp_path):
    twice = table("review,label,note,note", lambda n: (english(n), "ab"[n % 2], n, n))
    assert odd(twice, tmp_path) == [
        "2 columns are called 'note', and none of them is read: give each a name of its own"
    ]
    assert odd(twice, tmp_path)[0] in look(write(tmp_path, "my.csv", twice)).all_notes()
    labels = table("review,label,label", lambda n: (english(n), "ab"[n % 2], "xy"[n % 2]))
    with pytest.raises(DataError, match="2 columns are called 'label'"):
        look(write(tmp_path, "labels.csv", labels))


def test_a_title_above_the_header_is_suspected(tmp_path):
    titled = "Export of 2026,,\n" + table("id,review,label", lambda n: (n, english(n), "ab"[n % 2]))
    with pytest.raises(DataError, match="2 columns have no name in the first line and are not read: where that"):
        look(write(tmp_path, "my.csv", titled))


def test_a_title_above_two_columns_or_in_one_cell_is_suspected_and_an_index_is_not(tmp_path):
    rows = table("review,label", lambda n: (english(n), "ab"[n % 2]))
    assert odd("Export of 2026,\n" + rows, tmp_path)[0].startswith("1 column has no name in the first line")
    with pytest.raises(DataError, match="line 2 has 2 cells, and the header has 1 column. The first line must name"):
        odd("Export of 2026\n" + rows, tmp_path)
    assert odd(table(",review,label", lambda n: (n, english(n), "ab"[n % 2])), tmp_path) == []
    assert odd("review,label,\n" + "good,a,\nbad,b,\n" * 9, tmp_path) == []


def test_an_example_in_place_of_a_header_is_suspected(tmp_path):
    rows = "".join(f"{english(n)},{('good', 'bad')[n % 2]}\n" for n in range(60)).replace(", on", " on")
    assert any("has the file no header" in said for said in odd(rows, tmp_path))


def test_a_column_of_nothing_is_told(tmp_path):
    with pytest.raises(DataError, match="'label' is empty in every row"):
        look(write(tmp_path, "my.csv", table("review,label", lambda n: (english(n), ""))))


def test_a_label_of_one_value_is_told(tmp_path):
    with pytest.raises(DataError, match="'label' has one value in all rows"):
        look(write(tmp_path, "my.csv", table("review,label", lambda n: (english(n), "good"))))


def test_decimal_commas_are_neither_classes_nor_several_labels_nor_texts(tmp_path):
    rows = table("review,price", lambda n: (english(n), f"{n % 7},{n % 3}"))
    with pytest.raises(
        DataError, match="'price' holds numbers with a decimal comma, which are words here: write a point"
    ):
        look(write(tmp_path, "my.csv", rows))
    price = Column("price", ["4,5", "3", "2,25"] * 5)
    assert price.holds == "numbers with a decimal comma"
    assert not Column("sizes", ["1,2,3", "1,2"] * 5).decimal_commas
    assert not Column("price", ["4", "3"]).decimal_commas


def test_an_ordinary_table_has_nothing_odd():
    rows = [{"text": "a", "label": "b"}]
    plain = Table(Path("my.csv"), ["text", "label"], rows, [2])
    assert oddities_of(plain, columns_of(plain)) == []


def test_a_label_that_stands_for_nothing_is_told(tmp_path):
    rows = table("review,label", lambda n: (english(n), ("good", "bad", "N/A")[n % 3]))
    (told,) = odd(rows, tmp_path)
    assert told.endswith(
        "rows have 'N/A' in 'label', which is a label like any other: where nobody knows it, remove the row"
    )
    assert odd(rows.replace("label", "airport", 1), tmp_path) == []  # negative control: no label by its name
    assert odd(rows.replace("N/A", "mixed"), tmp_path) == []
