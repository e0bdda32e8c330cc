"""Excel files: the first sheet as text, and everything that is odd is said."""

import sys
from datetime import date, datetime, time

import pytest

from accel.data.columns import examples_of
from accel.data.examples import Tally
from accel.data.excel import text_of
from accel.data.read_table import read_table
from accel.errors import DataError

openpyxl = pytest.importorskip("openpyxl")

ROWS = [("text", "label"), ("good", 1), ("bad, really", 0.0)]


def book(folder, rows=ROWS, others=(), name="data.xlsx"):
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for other in others:
        made.create_sheet(other)
    made.save(folder / name)
    return folder / name


def read(file, columns=None):
    return read_table(str(file), "task.train", columns=columns)


def test_the_first_sheet_is_a_table(tmp_path):
    table = read(book(tmp_path))
    assert table.columns == ["text", "label"]
    assert table.column("text", "task.text") == ["good", "bad, really"]
    assert table.column("label", "task.label") == ["1", "0"]
    assert table.lines == [2, 3]
    assert table.notes == []


def test_other_sheets_are_named(tmp_path):
    (said,) = read(book(tmp_path, others=["Old", "Notes"])).notes
    assert said == "Sheet of data.xlsx: 'Sheet', the first; not read: 'Old', 'Notes'"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("a_x000D_\nb", "a\nb"),
        (3, "3"),
        (3.0, "3"),
        (0.1 + 0.2, "0.3"),
        (True, "TRUE"),
        (datetime(2026, 11, 29), "2026-11-29"),
        (datetime(2026, 11, 29, 13, 5), "2026-11-29 13:05:00"),
        (date(2026, 11, 29), "2026-11-29"),
        (time(13, 5), "13:05:00"),
    ],
)
def test_cells_are_written_as_a_reader_would(value, text):
    assert text_of(value) == text


def test_blank_rows_and_columns_are_none(tmp_path):
    rows = [(None, None, None), ("text", None, "label"), (None, None, None), ("good", None, "a"), ("bad",), (None,)]
    table = read(book(tmp_path, rows))
    assert table.columns == ["text", "label"]
    assert table.lines == [4, 5]
    with pytest.raises(DataError, match="line 5: the label in column 'label' is missing"):
        examples_of(table, ["text"], "label", Tally())


def test_an_error_in_a_cell_is_no_value_and_counted(tmp_path):
    table = read(book(tmp_path, [*ROWS, ("#N/A", 1)]))
    assert table.column("text", "task.text")[-1] is None
    assert "error such as #N/A, which is left empty: 1, first row 4" in table.notes[0]


def test_repeated_headers_matter_where_they_are_asked_for(tmp_path):
    file = book(tmp_path, [("text", "label", "text"), ("a", 1, "b")])
    assert read(file, ["label"]).column("label", "task.label") == ["1"]
    with pytest.raises(DataError, match="stands there 2 times"):
        read(file, ["text", "label"]).column("text", "task.text")


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 password"])
def test_what_is_no_excel_file_is_refused(tmp_path, content):
    (tmp_path / "data.xlsx").write_bytes(content)
    with pytest.raises(DataError, match="no readable Excel file.*save it again"):
        read(tmp_path / "data.xlsx")


def test_an_empty_sheet_is_refused(tmp_path):
    with pytest.raises(DataError, match="nothing in it"):
        read(book(tmp_path, []))


def test_without_the_package_the_words_that_install_it_are_said(tmp_path, monkeypatch):
    file = book(tmp_path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"install .*\[excel\]'.*save the sheet as CSV"):
        read(file)


def test_predict_reads_it(tmp_path):
    from accel.inference.rows import rows_of

    asked = rows_of(str(book(tmp_path, [("id", "text"), (7, "good"), (8, None)])), ["text"], [])
    assert [one.text for one in asked] == ["good", ""]
    assert [one.kept for one in asked] == [{"id": "7"}, {"id": "8"}]
