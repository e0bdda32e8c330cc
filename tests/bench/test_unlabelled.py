"""500 labelled airline tweets, and as many more without labels: how much of the gap to all labels they close.

pytest -s tests/bench/test_unlabelled.py
"""

import csv
import json
import os
import subprocess
import sys

from accel.task.airline import Airline

LABELLED, STEPS = 500, 600


def files(folder):
    """The training split as labelled, all labels and unlabelled; validation and test are the same for all."""
    data = Airline(max_length=64, validation_fraction=0.1, test_fraction=0.2).load(0)
    rows = [
        (texts[0], data.label_names[label]) for texts, label in zip(data.train.texts, data.train.labels, strict=True)
    ]
    found = {"few": rows[:LABELLED], "all": rows, "unlabelled": rows[LABELLED : LABELLED + 9000]}
    for name in ("validation", "test"):
        split = getattr(data, name)
        found[name] = [(t[0], data.label_names[n]) for t, n in zip(split.texts, split.labels, strict=True)]
    for name, some in found.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf8") as target:
            csv.writer(target).writerows([("text", "label"), *some])


def accuracy(folder, name, *words):
    out = folder / name
    command = [
        sys.executable, "-m", "accel", "task=text_classification", f"task.validation={folder}/validation.csv",
        f"task.test={folder}/test.csv", "task.max_length=64", "model=minilm", "tracker=none", "engines=[eager]",
        f"hydra.run.dir={out}", *words,
    ]  # fmt: skip
    subprocess.run(command, env=dict(os.environ), check=True)
    return json.loads((out / "result.json").read_text())["after"]["metrics"]["accuracy"]


def test_texts_without_labels_close_the_gap(tmp_path, figures):
    files(tmp_path)
    few, steps = f"task.train={tmp_path}/few.csv", f"trainer.max_steps={STEPS}"
    short = ["trainer.baseline_epochs=8", "trainer.epochs=8"]
    alone = accuracy(tmp_path, "alone", few, *short)
    taught = accuracy(
        tmp_path, "taught", few, f"task.unlabelled={tmp_path}/unlabelled.csv", "compression=[distill]",
        "compression.distill.hidden_weight=0", "trainer.baseline_epochs=8", "trainer.epochs=2",
    )  # fmt: skip
    whole = accuracy(tmp_path, "whole", f"task.train={tmp_path}/all.csv", steps)
    figures.value(f"airline, {LABELLED} labels", alone, "")
    figures.value(f"airline, {LABELLED} labels and 9,000 texts", taught, "")
    figures.value("airline, all labels", whole, "", roof=whole)
    figures.value("share of the gap that is closed", (taught - alone) / (whole - alone), "", roof=1.0)
