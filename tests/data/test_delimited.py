"""Separators are found, rows keep their lines; a quote that swallows rows is told from one that holds a text."""

import pytest

from accel.data.delimited import FEW_VALUES, Delimited, Repeated


def opened(folder, content, usual=","):
    (folder / "a.csv").write_text(content, "utf8", newline="")
    return Delimited.of(folder / "a.csv", usual)


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("a,b\n1;2,3\n", ","),
        ("a;b\n1,2;3\n", ";"),
        ("a|b|c\n1,2|x|3\n", "|"),
        ('a;b\n"x;y";3\n', ";"),
        ("text\nhello; you\n", ","),
        ("", ","),
    ],
)
def test_the_separator_is_what_gives_rows_the_width_of_the_header(tmp_path, content, separator):
    assert opened(tmp_path, content).separator == separator


def test_records_keep_the_line_they_begin_on(tmp_path):
    found = list(opened(tmp_path, 'sep=;\na;b\n\n"x\ny";2\nz;3\n').records())
    assert [(r.line, r.cells, len(r.text)) for r in found] == [
        (2, ["a", "b"], 0),
        (4, ["x\ny", "2"], 2),
        (6, ["z", "3"], 0),
    ]


def test_only_columns_of_few_values_tell_a_row():
    seen = Repeated(2)
    for number in range(FEW_VALUES + 1):
        seen.add([f"text {number}", "pos"])
    assert seen.knows(["other", "pos"], [0, 1])
    assert not seen.knows(["text 1", "other"], [0, 1])
    assert not seen.knows(["other", "pos"], [0])
    assert not seen.knows(["pos"], [0])
