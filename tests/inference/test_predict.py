import pytest

from accel.cli import main


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere", "text"], "is no folder"),
        (["."], "nothing to predict"),
        ([".", "--file", "nowhere.txt"], "cannot be read"),
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
