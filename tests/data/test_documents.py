import pytest

from accel.data.documents import assemble, document, read_documents
from accel.data.examples import Tally
from accel.data.splits import three_splits
from accel.errors import DataError


def test_blank_lines_of_a_text_file_end_documents(tmp_path):
    file = tmp_path / "corpus.txt"
    file.write_text("one\ntwo\n\n\n  \nthree\n\none\ntwo\n", "utf8")
    tally = Tally()
    assert [d.texts for d in read_documents(str(file), "task.train", "text", tally)] == [("one\ntwo",), ("three",)]
    assert tally.duplicates == 1


def test_rows_without_text_are_counted(tmp_path):
    file = tmp_path / "corpus.jsonl"
    file.write_text('{"body": "a"}\n{"body": " "}\n{"body": null}\n', "utf8")
    tally = Tally()
    assert [d.texts for d in read_documents(str(file), "task.train", "body", tally)] == [("a",)]
    assert (tally.dropped, tally.notes) == (2, ["2 rows dropped: no text in corpus.jsonl"])


@pytest.mark.parametrize(
    ("name", "content", "column", "text"),
    [
        ("c.csv", "body\n \n", "body", "all texts in .* are empty"),
        ("c.csv", "body\na\n", "text", "no column 'text'"),
        ("c.doc", "a", "text", r"\.doc is no format accel reads.*\.txt"),
        ("c.txt", "\n\n", "text", "nothing in it|no rows"),
    ],
)
def test_mistakes_are_told(tmp_path, name, content, column, text):
    (tmp_path / name).write_text(content, "utf8")
    with pytest.raises(DataError, match=text):
        read_documents(str(tmp_path / name), "task.train", column, Tally())


def test_splits_are_disjoint_whole_documents_and_known_by_their_content():
    documents = [document(f"text {n}") for n in range(100)]
    made = [assemble(*three_splits(documents, 0.2, 0.1, seed), Tally(), "x") for seed in (0, 0, 1)]
    sizes = [len(split) for split in (made[0].train, made[0].validation, made[0].test)]
    assert sizes == [76, 6, 18]
    assert len({t for s in (made[0].train, made[0].validation, made[0].test) for t in s.texts}) == 100
    assert made[0].fingerprint == made[1].fingerprint != made[2].fingerprint


def test_an_empty_split_is_told():
    with pytest.raises(DataError, match="no document is left for the validation split"):
        assemble(*three_splits([document("a"), document("b")], 0.5, 0.5, 0), Tally(), "task.train=x.txt")
