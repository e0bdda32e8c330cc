"""A file with entities is trained on, exported, compressed and asked."""

import json

import pytest

from accel.cli import main
from accel.errors import DataError
from accel.task.token_classification import TokenClassification
from tests.conftest import tiny_words

PEOPLE, PLACES = ("Ann", "Carl Max", "Dora"), ("Rome", "New York", "Oslo")


@pytest.fixture
def entities_file(tmp_path):
    rows = []
    for n in range(90):
        person, place = PEOPLE[n % 3], PLACES[n // 3 % 3]
        text = f"{person} went to {place} in {1900 + n}."
        spans = [[0, len(person), "PER"], [text.index(place), text.index(place) + len(place), "LOC"]]
        rows.append({"text": text, "spans": spans})
    file = tmp_path / "entities.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_reads_and_splits(entities_file):
    found = TokenClassification(train=str(entities_file)).load(0)
    assert found.label_names == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert len(found.train) + len(found.validation) + len(found.test) == 90
    assert found.draws == 1
    (text,), tags = found.train.texts[0], found.train.labels[0]
    assert tags[0] == 3
    assert text


def test_a_document_stays_in_one_split(tmp_path):
    """Negative control: without the column its texts are spread."""
    file = tmp_path / "documents.jsonl"
    rows = [{"text": f"Ann{n} left {n // 6}", "spans": [[0, len(f"Ann{n}"), "PER"]], "d": n // 6} for n in range(240)]
    file.write_text("\n".join(map(json.dumps, rows)))
    splits = {key: documents(TokenClassification(train=str(file), split_by=key).load(0)) for key in ("d", None)}
    assert sum(map(len, splits["d"])) == 40
    assert sum(map(len, splits[None])) > 40


def documents(found):
    return [{text.split()[-1] for (text,) in split.texts} for split in (found.train, found.validation, found.test)]


def test_what_has_no_document_is_refused(tmp_path, entities_file):
    with pytest.raises(DataError, match="task.split_by=document"):
        TokenClassification(train=str(entities_file), split_by="document").load(0)
    conll = tmp_path / "a.conll"
    conll.write_text("Ann B-PER\n")
    with pytest.raises(DataError, match=r"task\.split_by=document: .* has tokens and tags, and no column"):
        TokenClassification(train=str(conll), split_by="document").load(0)


@pytest.mark.slow
def test_a_run_finds_exports_and_answers(entities_file, tmp_path, capsys):
    """Trained while rounded to int8; safetensors and ONNX agree, and answers point into the text."""
    folder = tmp_path / "run"
    words = [w for w in tiny_words(entities_file, folder) if not w.startswith(("task", "trainer.max_steps"))]
    more = ["task=token_classification", f"task.train={entities_file}", "compression=[qat]", "trainer.max_steps=40"]
    assert main([*words, *more, "trainer.learning_rate=4e-3", "engines=[eager,onnxruntime]"]) == 0
    record = json.loads((folder / "result.json").read_text())
    assert [m["key"] for m in record["metrics"]] == ["entity_f1", "precision", "recall", "loss"]
    assert record["after"]["metrics"]["entity_f1"] > 0.9
    assert {c["label"] for c in record["after"]["per_class"]} == {"LOC", "PER"}
    onnx = next(e for e in record["exports"] if e["format"] == "onnx")
    assert onnx["metrics"]["entity_f1"] == pytest.approx(record["after"]["metrics"]["entity_f1"], abs=0.02)
    capsys.readouterr()
    assert main(["predict", str(folder), "Dora went to New York in 1999.", ""]) == 0
    first, empty = map(json.loads, capsys.readouterr().out.splitlines())
    found = [(e["start"], e["end"], e["label"]) for e in first["entities"]]
    assert found == [(0, 4, "PER"), (13, 21, "LOC")]
    assert empty == {"text": "", "entities": []}
