"""Rows of cells: the lines that they stand on, the separator, quotes, and what is odd."""

import pytest

from accel.data.read_table import read_table
from accel.errors import DataError
from tests.data.table_files import refusal, table_of, write


def test_lines_are_those_of_the_file_also_after_cells_of_several_lines(tmp_path):
    file = write(tmp_path, "data.csv", 'text,label\n"one\ntwo",a\n\nthree,b\n')
    assert read_table(str(file), "task.train").lines == [2, 5]


STRAY = [f"{text}\t{label}" for text, label in [('"the phone', "neg"), ("the desk", "pos")] * 3 + [('a lamp"', "neg")]]


def test_tsv_has_no_quotes_and_that_is_said_of_cells_in_quotes(tmp_path):
    table = table_of(tmp_path, "stray.tsv", "\n".join(["text\tlabel", *STRAY]))
    assert table.column("text", "t") == ['"the phone', "the desk"] * 3 + ['a lamp"']
    assert table.notes == []
    quoted = table_of(tmp_path, "quoted.tsv", 'text\tlabel\nx\ta\n"a ""b"""\tb\n')
    assert quoted.column("text", "t") == ["x", '"a ""b"""']
    assert "quotes around a cell" in quoted.notes[0]
    assert "1, first line 3" in quoted.notes[0]


def test_a_cell_that_spans_lines_is_counted_and_said(tmp_path):
    content = 'text,label\n"the desk, once lovely,\nwas cold",neg\na,pos\n"hello, you\nand, me\nand her",pos\n'
    table = table_of(tmp_path, "reviews.csv", content)
    assert table.column("text", "t") == ["the desk, once lovely,\nwas cold", "a", "hello, you\nand, me\nand her"]
    assert table.notes == ["Rows of reviews.csv with a cell that spans lines: 2, first line 2"]
    label_first = table_of(tmp_path, "b.csv", 'label,text\nneg,"one\ntwo, three"\npos,a\nneg,b\n')
    assert len(label_first.rows) == 3


def test_another_separator_is_named(tmp_path):
    assert table_of(tmp_path, "a.csv", "text;label\na, b;1\n").notes == ["Separator: a semicolon"]
    assert table_of(tmp_path, "b.csv", "text,label\na;b,1\nc;d,1\n").notes == []


def test_rows_of_separators_alone_are_counted(tmp_path):
    table = table_of(tmp_path, "a.csv", "text,label\na,1\n,\n , \nb,2\n")
    assert table.lines == [2, 5]
    assert table.notes == ["Rows of a.csv with nothing but separators, and are left out: 2, first line 3"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("the train was late,neg\nthe train was warm,pos\n", "has no header: put a line with names above it"),
        ("# exported in May\ntext,label\nthe train was late,neg\n", "line 2 .* remove what stands above them"),
        ('text,label\n"she said \\"late\\" twice",neg\n', r"line 2: .* it is doubled"),
    ],
)
def test_what_programs_write_that_is_no_table_is_told_apart(tmp_path, content, told):
    file = tmp_path / "odd.csv"
    file.write_text(content)
    with pytest.raises(DataError, match=told):
        read_table(str(file), "task.train").column("text", "task.text")


def test_a_single_line_of_many_megabytes_is_refused_quickly(tmp_path):
    assert "line 2" in refusal(write(tmp_path, "long.csv", "text,label\n" + "x" * 20_000_000))
