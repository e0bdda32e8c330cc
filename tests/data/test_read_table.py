"""Every way a file can be wrong is one row of a table; its valid twin must pass."""

import errno
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from accel.data.read_table import read_table
from accel.errors import DataError
from tests.data.table_files import CSV, JSONL, ROWS, refusal, table_of, write

CHINESE = "评论,标签\n很好吃,好\n不好吃,差\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", CSV),
        ("upper.CSV", CSV),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("carriage.csv", CSV.replace("\n", "\r")),
        ("windows.csv", CSV.replace("\n", "\r\n")),
        ("blank_lines.csv", CSV.replace("good", "\ngood", 1)),
        ("tabs.tsv", "text\tlabel\ngood\t1\nbad, really\t0\n"),
        ("lines.jsonl", JSONL),
        ("bom.jsonl", b"\xef\xbb\xbf" + JSONL.encode()),
        ("two_marks.csv", b"\xef\xbb\xbf\xef\xbb\xbf" + CSV.encode()),
        ("utf16.csv", CSV.encode("utf-16")),
        ("utf16.tsv", "text\tlabel\ngood\t1\nbad, really\t0\n".encode("utf-16-be")),
        ("no_mark.jsonl", JSONL.encode("utf-16-le")),
        ("packed.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("packed.jsonl.GZ", gzip.compress(JSONL.encode(), mtime=0)),
        ("lines.ndjson", JSONL),
        ("lines.json", JSONL),
        ("array.json", json.dumps(ROWS, indent=2)),
        ("semicolons.csv", "text;label\ngood;1\nbad, really;0\n"),
        ("tabs.csv", "text\tlabel\ngood\t1\nbad, really\t0\n"),
        ("bars.csv", "text|label\ngood|1\nbad, really|0\n"),
        ("commas.tsv", CSV),
        ("excel.csv", "sep=;\ntext;label\ngood;1\nbad, really;0\n"),
        ("empty_cells.csv", 'text,label,,\ngood,1,,\n"bad, really",0,,\n,,,\n'),
        ("only_rows_end.csv", 'text,label\ngood,1,\n"bad, really",0,\n'),
    ],
)
def test_every_format_gives_the_same_columns(tmp_path, name, content):
    table = read_table(str(write(tmp_path, name, content)), "task.train")
    assert table.columns == ["text", "label"]
    assert len(table.rows) == 2
    assert table.column("text", "task.text") == ["good", "bad, really"]
    assert [str(v) for v in table.column("label", "task.label")] == ["1", "0"]


BAD = {
    "empty": ("a.csv", "", ["is empty", "Give a file"]),
    "blank": ("a.csv", "\n\n", ["line 1", "must name the columns"]),
    "header only": ("a.csv", "text,label\n", ["a header but no rows", "Add examples"]),
    "blank jsonl": ("a.jsonl", "\n\n", ["nothing in it", "Add examples"]),
    "unknown extension": ("a.xls", CSV, [".xlsx", "Convert", ".parquet"]),
    "no extension": ("data", CSV, ["no extension", ".csv"]),
    "cut gzip": ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-9], ["gzip", "cut short"]),
    "no gzip": ("a.csv.gz", CSV, ["gzip", "cut short"]),
    "gzip of what": ("a.gz", b"\x1f\x8b\x08\x00", [".gz", "Convert"]),
    "packed latin-1": (
        "a.csv.gz",
        gzip.compress("a,b\ncafé,1\n".encode("latin-1"), mtime=0),
        ["gzip -dc", "| iconv -f latin-1"],
    ),
    "windows-1252": ("a.csv", "text,label\n“café”,1\n".encode("cp1252"), ["line 2", "0x93", "iconv -f windows-1252"]),
    "broken utf-16": ("a.csv", b"\xff\xfe" + CSV.encode("utf-16-le") + b"\x00\xd8\x00\x00", ["UTF-16"]),
    "latin-1": ("a.csv", "text,label\ncafé,1\n".encode("latin-1"), ["line 2", "0xe9", "iconv -f latin-1 -t utf-8"]),
    "gb18030": ("a.csv", CHINESE.encode("gb18030"), ["line 1", "iconv -f gb18030 -t utf-8"]),
    "one broken byte": ("a.csv", CHINESE.encode() + b"\xff,1\n", ["line 4", "0xff", "correct that line"]),
    "broken after a mark": ("a.csv", b"\xef\xbb\xbf" + "é,b\n\n".encode() + b"\xe9\n", ["line 3", "0xe9"]),
    "nul bytes": ("a.csv", "text,label\ngood,1\nb\0d,0\n", ["line 3", "NUL", "Export it again"]),
    "ragged": ("a.csv", "text,label\ngood,1\na,b,c\n", ["line 3", "3 cells", "2 columns", "quotes"]),
    "short row": ("a.tsv", "text\tlabel\ngood\n", ["line 2", "1 cells", "complete the row"]),
    "ragged after a long cell": ("a.csv", 'text,label\n"one\ntwo",1\na,b,c\n', ["line 4", "3 cells"]),
    "unclosed quote": ("a.csv", 'text,label\ngood,1\n"bad,0\nmore,1\n', ["line 3", "quote", "close it"]),
    "broken json": ("a.jsonl", JSONL + '{"text": \n', ["line 3", "not valid JSON", "one object per line"]),
    "deep json": ("a.jsonl", "[" * 100_000 + "\n", ["line 1", "not valid JSON"]),
    "json array": ("a.jsonl", json.dumps(ROWS[:1]) + "\n[1]", ["line 1", "not closed"]),
    "open array": ("a.json", json.dumps(ROWS, indent=1)[:-1], ["line 10", "Close it"]),
    "broken array": ("a.json", '[{"a": 1},\n{"b" 2}]', ["line 2", "not valid JSON"]),
    "array of texts": ("a.json", '["a"]', ["line 1", "str, not an object"]),
    "swallowed, text first": ("a.csv", 'text,label\na,neg\n"foo,neg\nbar",pos\n', ["line 3", "line 4", "swallows"]),
    "swallowed, label first": (
        "a.csv",
        'label,text\npos,a\nneg,"foo\npos,b\nneg,bar"\n',
        ["line 3", "line 5", "swallows", "double it"],
    ),
    "text as parquet": ("a.parquet", CSV, ["Parquet", "copy it again"]),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("case", BAD)
def test_bad_content_says_where_why_and_what_to_do(tmp_path, case):
    name, content, expected = BAD[case]
    message = refusal(write(tmp_path, name, content))
    for part in [name, *expected]:
        assert part in message, message


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    write(tmp_path, "reviews.csv", CSV)
    assert f"Did you mean {tmp_path / 'reviews.csv'}?" in refusal(tmp_path / "review.csv")
    assert "there are: reviews.csv" in refusal(tmp_path / "zzzzzzzzzzzz.parquet")
    assert "does not exist either" in refusal(tmp_path / "nowhere" / "reviews.csv")


def test_a_folder_lists_its_data_files(tmp_path):
    write(tmp_path, "reviews.csv", CSV)
    write(tmp_path, "notes.txt", CSV)
    message = refusal(tmp_path)
    assert "is a folder" in message
    assert "reviews.csv" in message
    assert "notes.txt" not in message


def test_a_pipe_or_device_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no regular file" in refusal(tmp_path / "pipe.csv")
    assert "no regular file" in refusal("/dev/zero")


def test_a_loop_of_links(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    assert "cannot be reached" in refusal(tmp_path / "a.csv")
    write(tmp_path, "real.csv", CSV)
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert read_table(str(tmp_path / "link.csv"), "task.train").lines == [2, 3]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_that_may_not_be_read(tmp_path, monkeypatch, name):
    file = write(tmp_path, name, CSV)

    def forbidden(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", forbidden)  # chmod stops no tests that run as root
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    message = refusal(file)
    assert "Permission denied" in message
    assert "Change its permissions" in message


def test_only_what_is_asked_for_is_touched(tmp_path):
    lines = '{"text": "a", "label": 1, "meta": {"x": 1}}\n{"text": "b", "label": 2}\n{"label": 3, "text": "c"}\n'
    table = table_of(tmp_path, "optional.jsonl", lines, columns=["text"])
    assert table.column("text", "t") == ["a", "b", "c"]
    assert table.columns == ["text", "label", "meta"]
    assert set(table.rows[0]) == {"text"}
    csv = table_of(tmp_path, "twins.csv", "text,x,x,\na,1,2,3\n", columns=["text"])
    assert csv.rows == [{"text": "a"}]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_no_more_rows_are_read_than_are_wanted(name, tmp_path):
    """What follows them is broken, and nobody looks."""
    content = {
        ".csv": CSV + "a,b,c\n",
        ".tsv": "text\tlabel\ngood\t1\nbad\t0\na\n",
        ".jsonl": JSONL + "{",
        ".json": JSONL + "{",
    }
    file = write(tmp_path, name, content[Path(name).suffix])
    assert len(read_table(str(file), "task.train", first=2).rows) == 2
    with pytest.raises(DataError):
        read_table(str(file), "task.train")


def test_deciding_imports_nothing_heavy():
    code = "import accel.data.read_table, sys; print([m for m in ('torch', 'pandas', 'pyarrow') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
