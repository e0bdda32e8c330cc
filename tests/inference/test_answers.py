import csv
import io
import json

import pytest

from accel.errors import DataError
from accel.inference.answers import comma_separated, write

ANSWERS = [
    {"id": "7", "text": ["航班", "a, b\nc"], "label": "好", "scores": {"好": 0.75, "差": 0.25}},
    {"id": "9", "text": ["x", "y"], "label": None, "scores": {"好": None, "差": None}},
]


def test_a_file_has_the_format_of_its_name(tmp_path):
    write(ANSWERS, None, str(tmp_path / "a.jsonl"))
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf8").splitlines()] == ANSWERS
    write(ANSWERS, None, str(tmp_path / "a.csv"))
    with (tmp_path / "a.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "id": "7",
        "text.1": "航班",
        "text.2": "a, b\nc",
        "label": "好",
        "scores.好": "0.75",
        "scores.差": "0.25",
    }
    assert rows[1]["label"] == ""
    write(ANSWERS, "csv", str(tmp_path / "b"))
    assert (tmp_path / "b").read_text("utf8") == (tmp_path / "a.csv").read_text("utf8")


def test_a_terminal_of_ascii_gets_escapes(monkeypatch):
    bytes_written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(bytes_written, "ascii", newline=""))
    write(ANSWERS, None, None)
    lines = bytes_written.getvalue().decode("ascii").splitlines()
    assert [json.loads(line) for line in lines] == ANSWERS
    write(ANSWERS, "csv", None)
    assert "\\u597d" in bytes_written.getvalue().decode("ascii")


@pytest.mark.parametrize(
    ("output", "expected"), [("a.docx", "name it .jsonl or .csv"), ("no/a.csv", "cannot be written")]
)
def test_mistakes_are_told(tmp_path, output, expected):
    with pytest.raises(DataError, match=expected):
        write(ANSWERS, None, str(tmp_path / output))


def test_a_list_of_any_length_is_one_cell():
    """Negative control: a column for each part would give rows of unlike length."""
    answers = [{"text": ["a", "b"], "labels": labels, "scores": {"x": 0.5}} for labels in (["x"], [], ["y", "好"])]
    rows = list(csv.reader(comma_separated(answers, ascii_only=False)))
    assert rows[0] == ["text.1", "text.2", "labels", "scores.x"]
    assert [json.loads(row[2]) for row in rows[1:]] == [["x"], [], ["y", "好"]]
    assert {len(row) for row in rows} == {4}
