import json

import pytest

from accel.analysis.explain import PAGE
from accel.cli import main


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere", "text"], "is no folder"),
        (["."], "nothing to explain"),
        ([".", "text"], "holds no exported model"),
        ([".", "--file", "none.csv"], "none.csv"),
    ],
)
def test_mistakes_are_told(words, text, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["explain", *words]) == 2
    assert text in capsys.readouterr().err


def test_prints_json_lines_and_writes_a_page(predictor, tmp_path, capsys):
    folder = str(predictor().folder)
    assert main(["explain", folder, "a rude crew", "客服", ""]) == 0
    said = capsys.readouterr()
    assert f"Page: {folder}/{PAGE}" in said.err
    for check in ("Completeness", "Deletion", "Insertion", "Random weights"):
        assert check in said.err
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [a["text"] for a in answers] == ["a rude crew", "客服"]
    assert "Left out as empty: 1 of 3 texts." in said.err
    own = {"text", "label", "score", "target", "words", "spans", "attributions", "difference", "gap", "steps", "is_cut"}
    checks = {"random_weights", "deletion_area", "insertion_area", "random_area"}
    assert set(answers[0]) == own | checks
    assert set(answers[1]) == own
    page = (predictor().folder / PAGE).read_text("utf8")
    assert page.count("<section>") == 2
    assert main(["explain", folder, "x", "--unchecked", "--html", str(tmp_path / "no" / "page.html")]) == 2
    assert "there is no" in (refused := capsys.readouterr()).err
    assert not refused.out  # before anything is computed


def test_a_file_is_explained_against_another_model(predictor, tmp_path, capsys):
    file = tmp_path / "texts.txt"
    file.write_text("the crew was rude\nnice seats and food\n", "utf8")
    folders = [str(predictor(seed=seed).folder) for seed in (0, 1)]
    words = ["--file", str(file), "--method", "occlusion", "--unchecked"]
    assert main(["explain", folders[0], *words, "--against", folders[0]]) == 0
    said = capsys.readouterr()
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [a["against"]["overlap"] for a in answers] == [1.0, 1.0]
    assert "Against the other model: the rank correlation of its attributions with these is 1.000" in said.err
    assert main(["explain", folders[0], *words, "--against", folders[1]]) == 0
    assert "The other model" in (predictor().folder / PAGE).read_text("utf8")
    assert main(["explain", folders[0], "x", "--against", "nowhere"]) == 2


def test_another_label_and_pieces(predictor, capsys):
    folder = str(predictor().folder)
    assert main(["explain", folder, "rudest crew", "--unchecked", "--label", "good", "--pieces"]) == 0
    (found,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert found["target"] == "good"
    assert len(found["words"]) > 2
    assert main(["explain", folder, "x", "--label", "nice"]) == 2
