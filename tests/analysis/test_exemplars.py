import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from omegaconf import OmegaConf

from accel.behaviour.stored import Stored
from accel.checkpoint.resume import note_splits
from accel.cli import main
from accel.config.compose import compose
from accel.plan.decide import decide
from accel.report.predictions import write_predictions
from accel.report.record import new_record, write_record
from accel.task.text_classification import TextClassification
from tests.behaviour.test_decisions import decided

PUBLIC = {"choices": {"privacy": "none"}}


def write(file, rows):
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    return file


@pytest.fixture
def runs(tmp_path):
    """``runs(seed, flipped)``: the folder of a run that decides these texts of six otherwise than its dense model."""
    train = write(tmp_path / "train.csv", [(f"learned {i}", ["no", "yes"][i % 2]) for i in range(40)])
    test = write(tmp_path / "test.csv", [(f"<b>asked</b> {i}", ["no", "yes"][i % 2]) for i in range(6)])

    def run(seed, flipped, **more):
        folder = tmp_path / str(seed)
        words = ["task=text_classification", f"task.train={train}", f"task.test={test}", f"seed={seed}"]
        config = compose([*words, "model=tiny_bert"])
        plan = decide(config)
        truths = np.array(plan.task.load(seed).test.labels)
        changed = np.isin(np.arange(len(truths)), flipped)
        kept = {"before": decided(truths, truths), "after": decided(np.where(changed, 1 - truths, truths), truths)}
        record = {**new_record([]), **PUBLIC, "status": "finished", **more}
        write_record(record, folder)
        OmegaConf.save(config, folder / "config.yaml")
        note_splits(plan.task, folder)
        write_predictions({side: Stored(some) for side, some in kept.items()}, {**record, **PUBLIC}, folder)
        return str(folder)

    return run


def test_the_texts_on_which_all_compressed_models_agree_are_told(runs, capsys):
    folders = [runs(0, [1, 2]), runs(1, [2, 3]), runs(2, [2])]
    assert main(["exemplars", *folders, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["runs"], found["texts"], len(found["exemplars"])) == (3, 6, 1)
    (one,) = found["exemplars"]
    assert "asked" in one["text"][0]
    assert {one["true"], one["compressed"]} == {"no", "yes"}
    assert (one["dense"], one["kind"]) == (one["true"], "right -> wrong")
    assert main(["exemplars", *folders]) == 0
    assert "1 of 6 texts" in (out := capsys.readouterr().out)
    assert "<b>asked</b>" in out


def test_what_cannot_be_compared_is_refused(runs, tmp_path, capsys):
    one, private = runs(0, [1]), runs(1, [1], privacy={"private": True})
    assert main(["exemplars", one]) == 2
    assert "at least two runs" in capsys.readouterr().err
    assert main(["exemplars", one, private]) == 2
    assert "a private run keeps no predictions" in capsys.readouterr().err
    write(tmp_path / "test.csv", [("other", "no"), ("texts", "yes")])
    assert main(["exemplars", one, runs(2, [1])]) == 2
    assert "was not tested on the same texts" in capsys.readouterr().err


def test_data_that_has_changed_is_told_and_not_shown(runs, tmp_path, capsys):
    folders = [runs(0, [2]), runs(1, [2])]
    write(tmp_path / "test.csv", [(f"asked {i}", "no") for i in range(6)])
    assert main(["exemplars", *folders]) == 2
    said = capsys.readouterr()
    assert "The data of" in said.err
    assert "asked" not in said.out


def test_a_task_whose_texts_are_shown_nowhere_shows_none_here(runs, capsys, monkeypatch):
    monkeypatch.setattr(TextClassification, "may_show_texts", False)
    assert main(["exemplars", runs(0, [2]), runs(1, [2])]) == 2
    told = capsys.readouterr()
    assert "its texts are shown nowhere" in told.err
    assert "asked" not in told.out


def test_torch_stays_out(runs):
    code = f"import sys; from accel.cli import main; main(['exemplars', {runs(0, [1])!r}, {runs(1, [1])!r}]);"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
