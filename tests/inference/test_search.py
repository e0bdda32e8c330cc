"""The nearest texts of a file, with a real model of vectors, with torch and without."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from accel.cli import main
from accel.inference import search
from accel.inference.predictor import Predictor
from accel.inference.rows import Query
from accel.inference.search import nearest
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.objective.retrieval import Retrieval
from accel.ops.inputs import PLAIN
from accel.weights.artifact import save_model

ANSWERS = [
    "id,answer",
    "1,the bag is at the gate",
    "2,the meal is late",
    "3,",
    "4,the bag is at the gate",
    "5,no refund",
]


def saved(folder, objective):
    model = TinyBert()
    facts = {**objective.artifact_facts(), "max_length": 32, "num_text_columns": 1, "inputs": PLAIN}
    network = model.network(objective).eval()
    save_model(network, model.tokenizer(), folder / "model", **facts)
    (folder / "config.yaml").write_text("task: {text: [question, answer]}\n")
    return network


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    saved(folder, Retrieval())
    return folder


@pytest.fixture
def answers(tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("\n".join(ANSWERS) + "\n")
    return str(file)


def found(capsys, *words):
    assert main(["search", *map(str, words), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_nearest_come_first_each_text_once_and_empty_ones_never(run, answers, capsys):
    (told,) = found(capsys, run, "the meal is late", "--in", answers)
    assert told["text"] == "the meal is late"
    assert (told["nearest"][0]["text"], told["nearest"][0]["id"]) == ("the meal is late", "2")
    assert told["nearest"][0]["score"] == pytest.approx(1.0, abs=1e-5)
    assert sorted(one["id"] for one in told["nearest"]) == ["1", "2", "5"]
    scores = [one["score"] for one in told["nearest"]]
    assert scores == sorted(scores, reverse=True)


def test_scores_are_the_cosines_of_what_predict_says(run, answers, capsys):
    (told,) = found(capsys, run, "where is my bag", "--in", answers, "--top", "1")
    asked, near = (np.array(p.vector) for p in Predictor.load(run)(["where is my bag", told["nearest"][0]["text"]]))
    assert told["nearest"][0]["score"] == pytest.approx(float(asked @ near), abs=1e-5)


def test_people_are_told_in_lines(run, answers, capsys):
    assert main(["search", str(run), "the meal is late", "--in", answers, "--top", "1"]) == 0
    assert capsys.readouterr().out == " 1.000  the meal is late  id=2\n"


def test_vectors_are_made_once_for_a_model_and_its_texts(run, answers, capsys, monkeypatch):
    first = found(capsys, run, "bag", "--in", answers)
    made, original = [], search.vectors_of
    monkeypatch.setattr(search, "vectors_of", lambda *given: made.append(len(given[1])) or original(*given))
    assert found(capsys, run, "bag", "--in", answers) == first
    assert made == [1]  # the query
    with open(answers, "a") as file:
        file.write("6,another\n")
    found(capsys, run, "bag", "--in", answers)
    assert made == [1, 1, 4]  # negative control: other texts


def test_a_damaged_cache_is_made_again(run, answers, capsys):
    first = found(capsys, run, "bag", "--in", answers)
    for file in (run / "model" / "vectors").iterdir():
        file.write_bytes(b"broken")
    assert found(capsys, run, "bag", "--in", answers) == first


def test_equally_near_texts_stand_as_in_the_file():
    stored = [Query("a"), Query("b"), Query("c")]
    (near,) = nearest(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]), stored, 2)
    assert [one.stored.text for one in near] == ["b", "c"]


WRONG = {
    "no file": (["a", "--in", "none.csv"], "none.csv"),
    "no such column": (["a", "--in", "{answers}", "--column", "reply"], "--column=reply: answers.csv has no column"),
    "no text": (["a", "--in", "{empty}"], "holds no text in 'answer'"),
    "an empty text": ([" ", "--in", "{answers}"], "There is nothing to search for"),
    "nothing to show": (["a", "--in", "{answers}", "--top", "0"], "--top 0: ask for at least 1"),
    "pairs": (["a", "--in", "{pairs}"], "a stored text is one string"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_searched_is_told(name, run, answers, tmp_path, capsys):
    (tmp_path / "empty.csv").write_text('answer\n""\n" "\n')
    (tmp_path / "pairs.jsonl").write_text('["a", "b"]\n')
    places = {"answers": answers, "empty": tmp_path / "empty.csv", "pairs": tmp_path / "pairs.jsonl"}
    words, message = WRONG[name]
    assert main(["search", str(run), *(word.format(**places) for word in words)]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert not said.out


def test_a_model_of_labels_has_no_vectors(tmp_path, answers, capsys):
    saved(tmp_path, Classification(["x", "y"]))
    assert main(["search", str(tmp_path), "a", "--in", answers]) == 2
    assert "holds a model of classification, which makes no vectors" in capsys.readouterr().err


def test_a_folder_without_a_model_is_told(tmp_path, answers, capsys):
    assert main(["search", str(tmp_path), "a", "--in", answers, "--column", "answer"]) == 2
    assert "holds no exported model" in capsys.readouterr().err


def test_predict_reads_the_queries_of_a_file(run, tmp_path, capsys):
    file = tmp_path / "asked.csv"
    file.write_text("question,answer\nwhere,here\n")
    assert main(["predict", str(run), "--file", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["text"] == "where"
    assert len(told["vector"]) == 64


@pytest.mark.slow
def test_without_torch_the_answers_are_the_same(tmp_path, answers, capsys):
    pytest.importorskip("onnxruntime")
    from accel.core.checksums import write_sums
    from accel.export.onnx import export_onnx
    from accel.ops.inputs import note_inputs

    network = note_inputs(saved(tmp_path, Retrieval()), PLAIN)
    by_torch = found(capsys, tmp_path, "where is my bag", "--in", answers)
    with torch.no_grad():
        export_onnx(network, tmp_path / "model" / "model.onnx")
    write_sums(tmp_path / "model", ["model.onnx"])
    script = (
        "import sys; sys.modules['torch'] = None; from accel.cli import main; "
        f"sys.exit(main(['search', {str(tmp_path)!r}, 'where is my bag', '--in', {answers!r}, '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr
    for ours, theirs in zip(json.loads(done.stdout)["nearest"], by_torch[0]["nearest"], strict=True):
        assert ours == {**theirs, "score": pytest.approx(theirs["score"], abs=1e-5)}
