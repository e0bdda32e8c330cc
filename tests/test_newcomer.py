"""The way of somebody new, from a table of their own to answers in a file, typed as the README says it."""

import csv
import re
from pathlib import Path

import pytest

from accel.cli import main
from tests.look.files import write

SHORT = ["model=tiny_bert", "trainer.max_steps=8", "tracker=none", "engines=[eager,onnxruntime]", "rounds=5"]


def answered(capsys, *words: str) -> str:
    assert main([*words]) == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_six_commands_from_a_table_to_answers(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "reviews.csv")
    said = answered(capsys, "data", "reviews.csv")
    command = re.search(r"The same in full:\n  accel (.+)", said)[1].split()

    said = answered(capsys, "reviews.csv", *SHORT)
    assert "simple baseline" in said

    said = answered(capsys, *command, *SHORT, "compression=[prune,qat,distill]")
    small = Path(re.search(r"Record: (.+)/result\.json", said)[1])
    assert (small / "report.html").is_file()

    said = answered(capsys, "compare", "outputs")
    assert "compression=none" in said
    assert "distill+prune+qat" in said

    with (tmp_path / "reviews.csv").open(encoding="utf8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    answered(capsys, "predict", str(small), "--file", "reviews.csv", "--output", "answers.csv")
    with (tmp_path / "answers.csv").open(encoding="utf8", newline="") as lines:
        answers = list(csv.DictReader(lines))
    assert len(answers) == len(rows)

    answered(capsys, "gate", str(small), "--quality", "0")
