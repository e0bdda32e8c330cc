"""Lines end where the file says; marks and packing are no part of a text."""

import gzip
from pathlib import Path

import pytest

from accel.data.lines import lines_of, suffix_of, text_lines
from accel.errors import DataError

ODD = "the desk\x85was\x0b\x0clovely\u2028yes\x1c!"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_ends_at_a_line_feed_alone(tmp_path, encoding):
    file = tmp_path / "a.txt"
    file.write_bytes(f"{ODD}\r\nthe\rphone\n".encode(encoding))
    assert list(text_lines(file)) == [ODD, "the\rphone"]


def test_packed_text(tmp_path):
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress(b"\xef\xbb\xbf\xef\xbb\xbfone\ntwo"))
    assert list(lines_of(file)) == ["one\n", "two"]
    assert suffix_of(file) == ".txt"
    assert suffix_of(Path("a.GZ")) == ""


def test_zeros_are_told_with_their_line(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\nb\0\n")
    with pytest.raises(DataError, match="line 2 holds a NUL"):
        list(text_lines(tmp_path / "a.txt"))


def test_the_advice_can_be_typed_for_any_name(tmp_path):
    file = tmp_path / "my file.csv"
    file.write_bytes("café\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"iconv -f latin-1 -t utf-8 '.*/my file.csv' > '.*/utf8-my file.csv'"):
        list(lines_of(file))
