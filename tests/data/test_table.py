"""A column is found as it is spelt, or what is there instead is told."""

import pytest

from accel.data.read_table import read_table
from accel.errors import DataError
from tests.data.table_files import CSV, JSONL, table_of, write


@pytest.mark.parametrize("column", [" Text ", "LABEL OF ROW", "评论"])
def test_odd_column_names_are_taken_as_they_are(tmp_path, column):
    file = write(tmp_path, "data.csv", f"{column},n\nx,1\n")
    assert read_table(str(file), "task.train").column(column, "task.text") == ["x"]


@pytest.mark.parametrize(
    ("asked", "meant"), [("reviw", "review"), ("Review", "review"), ("STARS", " stars"), ("评", "评论")]
)
def test_a_missing_column_names_the_nearest_first(tmp_path, asked, meant):
    table = read_table(str(write(tmp_path, "data.csv", "review, stars,评论\na,1,b\n")), "task.train")
    with pytest.raises(DataError) as caught:
        table.column(asked, "task.text")
    message = str(caught.value)
    assert f"task.text={asked}: data.csv has no column {asked!r}. Did you mean {meant!r}" in message


def test_a_missing_column_that_resembles_nothing_lists_what_there_is(tmp_path):
    table = read_table(str(write(tmp_path, "data.csv", CSV)), "task.train")
    with pytest.raises(DataError, match="Its columns are: 'text', 'label'") as caught:
        table.column("zzz", "task.text")
    assert "Did you mean" not in str(caught.value)


def test_a_column_that_is_missing_beside_short_names_says_nothing_of_headers(tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("your opinion,label\nthe train was late,neg\n")
    with pytest.raises(DataError) as told:
        read_table(str(file), "task.train").column("text", "task.text")
    assert "header" not in str(told.value)


def test_spaces_around_a_name_and_composition_do_not_matter(tmp_path):
    table = table_of(tmp_path, "a.csv", " text , e\u0301tat\nx,1\n")
    assert table.column("text", "t") == ["x"]
    assert table.column("\u00e9tat", "t") == ["1"]


@pytest.mark.parametrize(
    ("name", "content", "asked", "expected"),
    [
        ("a.csv", "text,text\na,b\n", "text", ["header", "'text'", "2 times", "Rename"]),
        ("a.jsonl", JSONL + '{"text": "x"}\n', "label", ["line 3", "'label'", "Add it"]),
    ],
)
def test_what_is_asked_for_must_be_there_once(tmp_path, name, content, asked, expected):
    with pytest.raises(DataError) as caught:
        table_of(tmp_path, name, content).column(asked, "task.text")
    assert all(part in str(caught.value) for part in expected)
