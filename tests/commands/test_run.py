"""What becomes of a run that is refused."""

import json

import pytest

from accel.cli import main


def test_a_refused_run_leaves_its_record_and_nothing_else(tmp_path, capsys):
    assert main(["tuning=lora", "compression=[prune]", f"hydra.run.dir={tmp_path / 'run'}"]) == 2
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["result.json"]
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["status"] == "refused"
    assert record["error"] in capsys.readouterr().err
    assert record["overrides"][:2] == ["tuning=lora", "compression=[prune]"]


def test_a_typo_leaves_a_record_too(tmp_path):
    assert main(["modle=x", f"hydra.run.dir={tmp_path / 'run'}"]) == 2
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "refused"


@pytest.mark.fault("R6")
def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([f"hydra.run.dir={tmp_path / 'file'}"]) == 2
    assert main([f"hydra.run.dir={tmp_path / 'file' / 'run'}"]) == 2
    assert "is a file" in capsys.readouterr().err
