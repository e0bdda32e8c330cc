"""The command with a stand-in for the model; tests/inference/test_predictor.py has a real one."""

import json
from types import SimpleNamespace

import pytest

from accel.cli import main
from accel.inference.texts import Prediction


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere", "text"], "is no folder"),
        (["."], "nothing to predict"),
        ([".", "--file", "nowhere.txt"], "there is no such file"),
        ([".", "text"], "holds no exported model"),
    ],
)
def test_mistakes_are_told(words, text, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", *words]) == 2
    assert text in capsys.readouterr().err


def test_json_lines_hold_strings_or_lists(tmp_path, capsys):
    (tmp_path / "texts.jsonl").write_text('"a"\n["b", "c"]\n{"d": 1}\n')
    assert main(["predict", str(tmp_path), "--file", str(tmp_path / "texts.jsonl")]) == 2
    assert "line 3" in capsys.readouterr().err


class Upper:
    """Answers with the text in upper case."""

    meta = SimpleNamespace(num_text_columns=1)

    @classmethod
    def load(cls, folder):
        del folder
        return cls()

    def stream(self, texts):
        for text in texts:
            yield Prediction(text, {"label": str(text).upper(), "score": 0.5, "scores": {"x": 0.5}})


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("accel.inference.predictor.Predictor", Upper)
    (tmp_path / "config.yaml").write_text("task: {text: review}")
    (tmp_path / "accel.json").write_text('{"label_names": ["x"], "max_length": 8}')
    return tmp_path


def answers(capsys, *words):
    assert main(["predict", *map(str, words)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_table_is_answered_row_by_row_by_the_columns_of_the_run(run, capsys):
    (run / "a.csv").write_text('ID,review,other\n1,"a\nb",x\n2,,x\n3,c,x\n')
    found = answers(capsys, run, "--file", run / "a.csv")
    assert [(a["ID"], a["text"], a["label"]) for a in found] == [
        ("1", "a\nb", "A\nB"),
        ("2", "", None),
        ("3", "c", "C"),
    ]
    other = answers(capsys, run, "--file", run / "a.csv", "--text", "other", "--keep", "review")
    assert [(a["review"], a["label"]) for a in other] == [("a\nb", "X"), ("", "X"), ("c", "X")]


def test_a_column_may_be_named_like_an_answer(run, capsys):
    (run / "a.csv").write_text("review,label\na,mine\n")
    (found,) = answers(capsys, run, "--file", run / "a.csv", "--keep", "label")
    assert (found["label"], found["given.label"]) == ("A", "mine")


def test_half_a_character_is_said_beside_the_answers(run, capsys):
    (run / "a.jsonl").write_text('"cold \\ud83d"\n')
    assert main(["predict", str(run), "--file", str(run / "a.jsonl")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["text"] == "cold \ufffd"
    assert "1 text(s) with half a character" in err


def test_answers_go_to_a_file(run, capsys):
    assert main(["predict", str(run), "a", "--output", str(run / "answers.csv")]) == 0
    assert (run / "answers.csv").read_text() == "text,label,score,scores.x\na,A,0.5,0.5\n"
    assert capsys.readouterr().out == ""
