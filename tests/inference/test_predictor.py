import json
import subprocess
import sys
from dataclasses import replace

import pytest

import accel
from accel.cli import main
from accel.errors import DataError
from accel.inference.texts import Texts
from accel.weights.meta import read_meta
from tests.conftest import tiny_words, write_tiny_csv


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("predictor")
    words = tiny_words(write_tiny_csv(place / "tiny.csv"), place / "run")
    assert main([*words, "trainer.max_steps=60", "compression=[qat]", "trainer.calibrate=true"]) == 0
    return place / "run"


def test_load_predicts_as_the_run_did(run_folder):
    answers = accel.load(str(run_folder))(["the crew was great and friendly", "the meal was terrible and rude"])
    assert [a.label for a in answers] == ["positive", "negative"]
    assert all(abs(sum(a.scores.values()) - 1) < 1e-5 for a in answers)
    assert accel.load(str(run_folder / "model"))(["x"])


def test_the_run_says_what_changed_and_stores_its_temperature(run_folder):
    found = json.loads((run_folder / "result.json").read_text())["behaviour"]
    assert found["predictions"] == found["changed"] + round(found["agreement"] * found["predictions"])
    assert found["difference_interval"][0] <= found["difference"] <= found["difference_interval"][1]
    assert read_meta(run_folder / "model").temperature == found["temperature"] != 1.0
    assert "What the model changed its mind about" in (run_folder / "report.html").read_text()
    assert "Changed its mind on" in (run_folder / "log.txt").read_text()


def test_the_command_writes_json_lines(run_folder, tmp_path, capsys):
    (tmp_path / "texts.txt").write_text("great seat\n\nrude crew\n")
    capsys.readouterr()
    assert main(["predict", str(run_folder), "航班", "--file", str(tmp_path / "texts.txt")]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [a["text"] for a in answers] == ["航班", "great seat", "rude crew"]
    assert set(answers[0]) == {"text", "label", "score", "scores"}


@pytest.mark.slow
def test_nothing_but_answers_is_printed(run_folder):
    done = subprocess.run(
        [sys.executable, "-m", "accel", "predict", str(run_folder), "great seat"],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_a_pair_for_a_model_of_single_texts_is_told(run_folder):
    with pytest.raises(DataError, match="trained on 1 text column"):
        accel.load(str(run_folder))([("a", "b")])


def test_texts_are_cut_where_training_cut_them(run_folder):
    predictor = accel.load(str(run_folder))
    assert predictor.inputs(["great " * 500])["input_ids"].shape == (1, 128)


def test_each_label_has_its_own_score(run_folder):
    """The likeliest one's is the answer's."""
    predictor = accel.load(str(run_folder))
    texts = ["the crew was great and friendly", "the meal was terrible and rude"]
    logits = predictor.model(**predictor.inputs(texts)).logits / predictor.meta.temperature
    for answer, scores in zip(predictor(texts), logits.softmax(-1).tolist(), strict=True):
        assert list(answer.scores) == ["negative", "positive"]
        assert list(answer.scores.values()) == pytest.approx(scores)
        assert answer.score == answer.scores[answer.label] == max(answer.scores.values())


def test_one_text_a_list_and_dictionaries_and_nothing_else(run_folder):
    model = accel.load(str(run_folder))
    one = model("great seat")
    assert one == model(["great seat"])[0]
    assert one.scores == model({"text": "great seat"}).scores == model([{"text": "great seat"}])[0].scores
    assert model([]) == []
    for wrong in (5, None, b"great", {"great"}, [5], [None], [{"txt": "great"}], [[5]]):
        with pytest.raises(DataError, match=r"no text|neither a text|lacks 'text'"):
            model(wrong)


def test_pairs_as_dictionaries_are_read_by_column(run_folder):
    model = accel.load(str(run_folder))
    model.texts = Texts(("question", "answer"), 2)
    pair = {"answer": "rude crew", "question": "great seat", "more": 1}
    assert model(pair) == replace(model([("great seat", "rude crew")])[0], text=pair)
