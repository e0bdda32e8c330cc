"""Every row is asked once, whatever it stands in."""

import gzip
import json

import pytest

from accel.errors import DataError
from accel.inference.rows import Query, rows_of

ROWS = [{"id": 7, "review": "the desk, once lovely,\nwas cold"}, {"id": 9, "review": "the phone"}]
CSV = 'id,review\n7,"the desk, once lovely,\nwas cold"\n9,the phone\n'


def asked(folder, name, content, columns=("review",), keep=()):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return rows_of(str(folder / name), columns, keep)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("a.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("a.ndjson", "\n".join(map(json.dumps, ROWS))),
        ("a.json", json.dumps(ROWS, indent=1)),
    ],
)
def test_a_table_is_read_as_for_training_and_keeps_its_id(tmp_path, name, content):
    found = asked(tmp_path, name, content)
    assert [one.text for one in found] == [row["review"] for row in ROWS]
    assert [str(one.kept["id"]) for one in found] == ["7", "9"]


def test_pairs_and_other_columns(tmp_path):
    content = "No,q,a,when\n1,x,y,now\n2,,,then\n"
    found = asked(tmp_path, "a.csv", content, ["q", "a"], ["No", "when"])
    assert found == [Query(["x", "y"], {"No": "1", "when": "now"}), Query(["", ""], {"No": "2", "when": "then"})]
    assert [one.is_empty for one in found] == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.txt", "\ufeffone\x85two\n\nthree\x0bfour\n", ["one\x85two", "three\x0bfour"]),
        ("a.log", "one\n", ["one"]),
        ("a.jsonl", '\ufeff"one"\n["b", "c"]\n', ["one", ["b", "c"]]),
        ("a.json", '"one"\n', ["one"]),
    ],
)
def test_texts_by_the_line(tmp_path, name, content, texts):
    assert [one.text for one in asked(tmp_path, name, content)] == texts


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "text\nx\n", "--text=review: a.csv has no column 'review'"),
        ("a.jsonl", '{"review": ["x"]}', "line 1 holds a list, not a text"),
        ("a.jsonl", '"x"\n{"review": "x"}', "line 2: write a string"),
        ("a.jsonl", '"x"\n"y', "line 2 is not valid JSON"),
        ("a.csv", "", "is empty"),
    ],
)
def test_mistakes_are_told(tmp_path, name, content, expected):
    with pytest.raises(DataError, match=expected):
        asked(tmp_path, name, content)


def test_a_kept_column_must_exist(tmp_path):
    with pytest.raises(DataError, match="--keep=nr: .*Did you mean|--keep=nr"):
        asked(tmp_path, "a.csv", CSV, keep=["nr"])


def test_halves_of_characters_are_replaced():
    assert Query("cold \ud83d").mended() == Query("cold \ufffd")
    assert Query(["a", "\ud83d"], {"id": 1}).mended() == Query(["a", "\ufffd"], {"id": 1})
