import gzip

import pytest

from accel.data import content
from accel.data.content import LONG, Content, ContentQuery, Row, content_of_file, rows_of_file
from accel.errors import DataError

KEY = b"k" * 32
LETTERS = [f"patient {i} came in with a cough" for i in range(30)]


def of(texts, key=KEY):
    return Content.of((Row((text,), (text,)) for text in texts), key)


def test_a_hash_confirms_no_guess_without_the_key():
    assert not of(LETTERS).shares(of(LETTERS, b"other"))
    assert of(LETTERS).shares(of(LETTERS))  # negative control


def test_one_long_text_is_enough_and_few_short_ones_are_chance():
    other = [f"quite another text, number {i}" for i in range(99)]
    assert of(LETTERS).shares(of([*other, LETTERS[3]]))
    assert not of(LETTERS).shares(of(other))
    assert not of([*LETTERS, "thank you"]).shares(of([*other, "thank you"]))
    assert of(["flu", "cough"]).shares(of([*other, "flu", "cough"]))


def test_case_spaces_and_punctuation_do_not_count():
    assert of(["  PATIENT 3 came in - with a cough!"]).within(of(LETTERS))
    assert of(["咳嗽,发烧。"]).within(of(["咳嗽发烧"]))
    assert not of([":-)"]).within(of([":-("]))


def test_within_is_every_row():
    assert of(LETTERS[:4]).within(of(LETTERS))
    assert not of([*LETTERS, "one more"]).within(of(LETTERS))
    assert not of([]).within(of(LETTERS))  # nothing is no proof


def test_of_huge_data_the_smallest_hashes_are_compared(monkeypatch):
    monkeypatch.setattr(content, "MOST_HASHES", 8)
    sketch = of(LETTERS)
    assert len(sketch.rows) == 8
    assert sketch.shares(of(LETTERS[::-1]))
    assert of(LETTERS[:20]).within(sketch)
    assert not of([f"new {text}" for text in LETTERS]).within(sketch)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_a_file_is_known_however_it_is_read(tmp_path, name):
    """Its texts as a column are found in its lines, and the other way round."""
    lines = {
        "a.csv": ["text,label", *(f'"{text}",{i % 2}' for i, text in enumerate(LETTERS))],
        "a.jsonl": [f'{{"text": "{text}", "label": {i % 2}}}' for i, text in enumerate(LETTERS)],
        "a.txt": LETTERS,
    }[name]
    (tmp_path / name).write_text("\n".join(lines))
    (tmp_path / "copy.md").write_text("\n".join(lines))
    columns = () if name == "a.txt" else ("text",)
    read = content_of_file(ContentQuery.now(tmp_path / name, "task.train", columns), KEY)
    assert read.shares(content_of_file(ContentQuery.now(tmp_path / "copy.md", "key"), KEY))
    assert read.shares(of(LETTERS[:1]))


def test_parts_of_pairs_and_lines_count_when_they_are_long():
    pair = Content.of([Row.of("what does the patient say today?", "no", label="x")], KEY)
    assert pair.shares(of(["what does the patient say today?", *(f"{i}" for i in range(99))]))
    assert not pair.shares(of(["no", *(f"{i}" for i in range(99))]))
    letter = Content.of([Row.of("Dear colleague,\nthe patient came in with a cough")], KEY)
    assert letter.shares(of(["the patient came in with a cough", *(f"{i}" for i in range(99))]))
    assert len("dearcolleague") < LONG


def test_a_file_that_was_written_again_is_read_again(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one text")
    first = content_of_file(ContentQuery.now(file, "key"), KEY)
    file.write_text("another text altogether")
    assert content_of_file(ContentQuery.now(file, "key"), KEY) != first


def test_a_column_that_is_not_there_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nx,1")
    with pytest.raises(DataError, match="no column"):
        list(rows_of_file(tmp_path / "a.csv", "task.train", ["txt"]))
    with pytest.raises(DataError, match="cannot be read"):
        list(rows_of_file(tmp_path / "none.txt", "key"))


def test_packing_and_encoding_do_not_hide_a_file(tmp_path):
    lines = "\n".join(["text,label", *(f'"{text}",{i % 2}' for i, text in enumerate(LETTERS))])
    plain, packed, wide = (tmp_path / name for name in ("a.csv", "a.csv.gz", "wide.txt"))
    plain.write_text(lines)
    packed.write_bytes(gzip.compress(lines.encode()))
    wide.write_bytes(lines.encode("utf-16"))
    known = content_of_file(ContentQuery.now(plain, "task.train"), KEY)
    assert content_of_file(ContentQuery.now(packed, "task.train"), KEY).within(known)
    assert content_of_file(ContentQuery.now(wide, "task.train"), KEY).shares(known)
