"""Folders that earlier versions of accel left, in ``old_runs/``: resumed or refused, asked, compared, exported.

``finished`` is of a version whose records did not name their metrics and whose splits came from a shuffle;
``interrupted`` of the first that noted what a run learns from. It was stopped by SIGTERM after step 25 of 40, and its
last checkpoint is of step 20.
"""

import json
import shutil
from pathlib import Path

import pytest

from accel.cli import main
from accel.report.metrics_file import read_metrics

STORED = Path(__file__).parent / "old_runs"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A copy of the folders, with the file that they were trained on, as the current folder."""
    shutil.copytree(STORED, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    return tmp_path / "old"


def record_of(folder):
    return json.loads((folder / "result.json").read_text("utf8"))


def command_of(folder):
    """What was typed for it."""
    return [word for word in record_of(folder)["overrides"] if not word.startswith("hydra.")]


def test_they_are_small_and_of_the_past():
    assert sum(file.stat().st_size for file in STORED.rglob("*") if file.is_file()) < 300_000
    assert "metrics" not in record_of(STORED / "finished")
    assert not (STORED / "finished" / "splits.json").exists()
    assert record_of(STORED / "interrupted")["status"] == "interrupted"


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was(place):
    folder = place / "interrupted"
    before = dict(read_metrics(folder / "metrics.csv")["train/loss"])
    assert main([*command_of(folder), "resume=interrupted"]) == 0
    after = dict(read_metrics(folder / "metrics.csv")["train/loss"])
    assert list(after) == list(range(40))
    assert len(before) == 25
    assert {step: after[step] for step in before} == pytest.approx(before, rel=1e-3)  # five of them were done again
    found = record_of(folder)
    assert (found["status"], found["steps"]) == ("finished", 40)
    assert {t["name"]: t["evidence"] for t in found["techniques"]}["prune"]["removed_fraction"] > 0
    assert found["exports"][0]["max_abs_diff"] < 1e-5


@pytest.mark.parametrize(
    ("folder", "change", "because"),
    [
        ("finished", [], "it was a shuffle"),
        ("interrupted", ["compression.prune.sparsity=0.6"], "prune.sparsity=0.6 (it was 0.5)"),
        ("interrupted", ["task.validation_fraction=0.2"], "it was 0.1"),
        ("interrupted", ["tuning=lora"], "tuning"),
    ],
)
def test_what_would_go_on_otherwise_is_refused_with_its_reason(place, capsys, folder, change, because):
    before = (place / folder / "result.json").read_bytes()
    assert main([*command_of(place / folder), *change, f"resume={folder}"]) == 2
    assert because in " ".join(capsys.readouterr().err.split())
    assert (place / folder / "result.json").read_bytes() == before


def test_a_model_answers_as_it_did(place, capsys):
    assert main(["predict", "finished", "the crew was great", "the meal was rude and broken"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["label"] for answer in answers] == ["positive", "negative"]
    assert answers[0]["score"] == pytest.approx(0.996679, abs=1e-4)


def test_a_model_is_explained(place, capsys):
    assert main(["explain", "finished", "the crew was great"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "positive"


@pytest.mark.slow
def test_a_model_is_written_in_another_format(place):
    assert main(["export", "finished", "--format", "onnx"]) == 0
    assert (place / "finished" / "model" / "model.onnx").is_file()


def test_they_are_compared_by_what_was_chosen_alone(place, capsys):
    """Keys that came later tell no runs apart, and metrics that a record does not name are those of its time."""
    assert main(["compare", "finished", "interrupted", "--csv", "table.csv"]) == 0
    shown = capsys.readouterr().out
    assert "width=16" in shown
    assert "layer_decay" not in shown
    head, *rows = (place / "table.csv").read_text("utf8").splitlines()
    assert {"accuracy", "accuracy_before", "latency_ms_p50"} <= set(head.split(","))
    assert len(rows) == 2


def test_an_attack_needs_the_splits_that_the_model_was_trained_on(place, capsys):
    assert main(["attack", "finished"]) == 2
    assert "it was a shuffle" in " ".join(capsys.readouterr().err.split())
