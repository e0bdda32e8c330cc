import pytest

from accel.data.public_text import NUM_TEXTS, public_batches, public_texts
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert


def test_a_file_gives_its_lines_up_to_a_limit(tmp_path):
    file = tmp_path / "corpus.txt"
    file.write_text("\n\n".join(f"line {i}" for i in range(NUM_TEXTS + 9)))
    found = public_texts(str(file), "key")
    assert found[:2] == ["line 0", "line 1"]
    assert len(found) == NUM_TEXTS
    (first, *_) = public_batches(str(file), "key", TinyBert().tokenizer())
    assert first["input_ids"].shape == first["attention_mask"].shape
    assert len(first["input_ids"]) == 32


def test_neither_a_file_nor_a_task_is_named_with_what_exists(tmp_path):
    with pytest.raises(DataError, match="Did you mean 'tweets'"):
        public_texts("tweet", "compression.prune.public_text")
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(DataError, match="holds no text"):
        public_texts(str(tmp_path / "empty.txt"), "key")


def test_a_table_gives_its_column_and_only_line_feeds_end_a_text(tmp_path):
    (tmp_path / "a.csv").write_text('label,text\nx,"a, b"\ny,\n')
    assert public_texts(str(tmp_path / "a.csv"), "key") == ["a, b"]
    (tmp_path / "a.txt").write_bytes("\ufeffone\x85two\u2028three\x0bfour\nfive".encode())
    assert public_texts(str(tmp_path / "a.txt"), "key") == ["one\x85two\u2028three\x0bfour", "five"]
    (tmp_path / "b.csv").write_text("comment\nx\n")
    with pytest.raises(DataError, match="no column 'text'"):
        public_texts(str(tmp_path / "b.csv"), "key")
