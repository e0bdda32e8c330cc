"""Small files on which readers fall short: what is right of each, as a test. Those in tests/cases/, and others made here."""

import bz2
import gzip
import json
from pathlib import Path

import pytest

from accel.errors import DataError
from accel.inference.rows import rows_of
from accel.task.text_classification import TextClassification

CASES = Path(__file__).with_name("cases")
PLAIN = [(f"the desk number {n} was {'great' if n % 2 else 'late'}", "pos" if n % 2 else "neg") for n in range(60)]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in PLAIN)


def load(file, **settings):
    return TextClassification(train=str(file), **settings).load(0)


def texts(dataset):
    return [text for split in (dataset.train, dataset.validation, dataset.test) for (text,) in split.texts]


RIGHT = {
    "base.csv": (120, ["neg", "pos"], ""),
    "case.csv": (60, ["Neg", "Pos", "neg", "pos"], "differ by case alone"),
    "lines.json": (60, ["neg", "pos"], ""),
    "lines.ndjson": (60, ["neg", "pos"], ""),
    "nan_word.csv": (60, ["Nan", "Roti"], "'Nan' is taken as a class"),
    "nfd.csv": (60, ["n\u00e9gatif", "positif"], "are one class"),
    "optional.jsonl": (60, ["neg", "pos"], ""),
    "resume_swapped.csv": (120, ["complaint", "praise"], ""),
    "special.csv": (60, ["neg", "pos"], ""),
    "stray.tsv": (60, ["neg", "pos"], ""),
    "stray_label_first.tsv": (60, ["neg", "pos"], ""),
    "surrogate.jsonl": (60, ["neg", "pos"], "1 text of surrogate.jsonl with half a character"),
    "twobom.csv": (60, ["neg", "pos"], ""),
    "urls.csv": (60, ["neg", "pos"], ""),
    "zw.csv": (60, ["neg", "pos"], "are one class"),
}
REFUSED = {
    "stray_label_first.csv": r"line 5: a quote that is opened there and closed in line 11 swallows whole rows",
    "surrogate_label.jsonl": r"line 1: the label 'pos\\ud83d' .* half a character",
}
ASKED = {
    "bom.jsonl": ["the desk was lovely", "the phone was awful"],
    "bom.txt": ["the desk was lovely", "the phone was awful"],
    "nel.txt": ["the desk\x85was lovely", "the phone was awful"],
    "vt.txt": ["the desk\x0bwas\x0clovely", "the phone\x1cwas awful"],
    "reviews.csv": ["the desk, once lovely,\nwas cold", "the phone was awful"],
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_can_be_read_is_read_whole(name):
    count, labels, noted = RIGHT[name]
    dataset = load(CASES / name)
    assert (len(texts(dataset)), dataset.label_names) == (count, labels)
    assert noted in " ".join(dataset.notes)
    if not noted:
        assert dataset.notes == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_is_refused_where_it_is_wrong(name):
    with pytest.raises(DataError, match=REFUSED[name]):
        load(CASES / name)


@pytest.mark.parametrize("name", ASKED)
def test_predict_answers_for_the_texts_and_nothing_else(name):
    assert [one.text for one in rows_of(str(CASES / name), ["text"], [])] == ASKED[name]


def test_half_a_character_is_replaced_before_it_is_answered():
    (asked,) = rows_of(str(CASES / "surr.jsonl"), ["text"], [])
    assert asked.mended().text == "cold \ufffd"


def test_a_text_is_text_whatever_it_spells():
    assert any(text.endswith("[SEP] ignore [MASK] </s> <pad> [PAD]") for text in texts(load(CASES / "special.csv")))


def test_a_long_text_is_cut_as_in_training_and_that_is_said(tmp_path, capsys):
    from accel.cli import main
    from accel.model.tiny_bert import TinyBert
    from accel.objective.classification import Classification
    from accel.weights.artifact import save_model

    model, objective = TinyBert(), Classification(["neg", "pos"])
    facts = {**objective.artifact_facts(), "max_length": 64, "num_text_columns": 1}
    save_model(model.network(objective).eval(), model.tokenizer(), tmp_path / "model", **facts)
    for words, said in (
        (["--file", str(CASES / "longtext.txt")], "1 text(s) longer than 64 tokens, cut"),
        (["short"], ""),
    ):
        assert main(["predict", str(tmp_path), *words]) == 0
        found = capsys.readouterr()
        assert "label" in json.loads(found.out)
        assert said in found.err
        assert bool(said) == bool(found.err)


def test_every_case_is_a_test():
    """``longtext.txt`` and ``surr.jsonl`` have tests of their own."""
    known = {*RIGHT, *REFUSED, *ASKED, "surr.jsonl", "longtext.txt"}
    assert {file.name for file in CASES.iterdir()} == known


OTHERS = {
    "array.jsonl": json.dumps([{"text": t, "label": y} for t, y in PLAIN]),
    "spread.jsonl": json.dumps([{"text": t, "label": y} for t, y in PLAIN], indent=1),
    "invisible_header.csv": "\u200b" + CSV,
    "no_break_header.csv": CSV.replace("text", "\u00a0text", 1),
    "semicolons.csv": CSV.replace("late", "late, indeed")
    .replace("text,", "text;")
    .replace(",neg", ";neg")
    .replace(",pos", ";pos"),
    "unused_twice.csv": CSV.replace("label", "label,x,x", 1)
    .replace("neg\n", "neg,1,2\n")
    .replace("pos\n", "pos,1,2\n"),
    "ends.csv": CSV.replace("neg\n", "neg\r\n"),
    "booleans.jsonl": "".join(json.dumps({"text": t, "label": y == "pos"}) + "\n" for t, y in PLAIN),
    "inner_quotes.csv": CSV.replace("the desk", 'the "big" desk'),
    "utf32.csv.gz": gzip.compress(CSV.encode("utf-16"), mtime=0),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_of_their_kinds(tmp_path, name):
    content = OTHERS[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert len(texts(load(tmp_path / name))) == 60


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("packed.csv", gzip.compress(CSV.encode(), mtime=0), r"is a gzip file .* mv .*packed\.csv .*packed\.csv\.gz"),
        ("sheet.csv", b"PK\x03\x04" + bytes(100), r"is an Excel file .* mv .* .*sheet\.xlsx"),
        ("table.csv", b"PAR1\x15\x04" + bytes(100), r"is a Parquet file .* .*table\.parquet"),
        ("columns.json", json.dumps({"text": ["a"], "label": [1]}), "holds one object.*orient='records', lines=True"),
        ("wrapped.json", json.dumps({"data": [{"text": "a", "label": 1}]}), "holds one object.*'data'"),
        (
            "amounts.csv",
            "text,label\n" + "".join(f"{t},{n}.5\n" for n, (t, _) in enumerate(PLAIN)),
            "Noticed: .*regression",
        ),
        ("utf32.csv", CSV.encode("utf-32"), "Export it again as UTF-8"),
        (
            "comment.csv",
            "# exported\n" + CSV,
            "line 2 has 2 cells, and the header has 1.*remove what stands above them",
        ),
        ("login.csv", "<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        ("login.jsonl", "<HTML><body>Sign in</body></html>", "is a web page"),
        ("report.csv", b"%PDF-1.7\n", "is a PDF"),
        ("packed.json", bz2.compress(CSV.encode()), "packed by bzip2"),
        ("old.csv", b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel file"),
    ],
)
def test_others_that_are_refused_say_what_to_do(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=f"(?s){text}"):
        load(tmp_path / name)


WIDE = "\uff50\uff4f\uff53"


def test_labels_that_differ_by_width_are_noted(tmp_path):
    content = "text,label\n" + "".join(f"{t},{WIDE if n % 6 == 1 else y}\n" for n, (t, y) in enumerate(PLAIN))
    (tmp_path / "wide.csv").write_text(content, "utf8")
    assert "differ by width or form of a letter alone" in " ".join(load(tmp_path / "wide.csv").notes)
