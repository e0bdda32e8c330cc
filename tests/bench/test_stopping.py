"""What stopping trials early saves: the same random points, all trained to the end, and with ASHA.

pytest -s tests/bench/test_stopping.py
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from accel.report.metrics_file import read_metrics
from accel.task.airline import Airline

TRIALS, EPOCHS, ROWS = 16, 9, 1500
AXES = ["trainer.learning_rate=tag(log,interval(1e-6,3e-3))", "trainer.warmup=0.0,0.06,0.2", "tuning=full,bitfit"]


def rows_of_airline(file):
    """Some of the airline tweets, so that a trial takes minutes, not an hour."""
    with file.open("w", newline="", encoding="utf8") as target:
        writer = csv.writer(target)
        writer.writerow(("text", "label"))
        data = Airline(max_length=64, validation_fraction=0.1, test_fraction=0.2).load(0)
        pairs = list(zip(data.train.texts, data.train.labels, strict=True))[:ROWS]
        writer.writerows((text[0], data.label_names[label]) for text, label in pairs)
    return file


def study(folder, stopping, data):
    """(epochs that all trials trained together, best validation accuracy, trials that were stopped)."""
    command = [
        sys.executable, "-m", "accel", "-m", "task=text_classification", f"task.train={data}", "task.max_length=64",
        "task.validation_fraction=0.5", "task.test_fraction=0.1", "model=minilm", "tracker=none", "engines=[eager]",
        f"trainer.epochs={EPOCHS}", "trainer.batch_tokens=512", "hydra.sweeper.search=random",
        f"hydra.sweeper.n_trials={TRIALS}", f"hydra.sweeper.stopping={stopping}", f"hydra.sweep.dir='{folder}'", *AXES,
    ]  # fmt: skip
    subprocess.run(command, env=dict(os.environ), check=True)
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    curves = [read_metrics(folder / str(job["number"]) / "metrics.csv")["validation/accuracy"] for job in jobs]
    best = max(value for curve in curves for _, value in curve)
    return sum(map(len, curves)), best, sum(job["status"] == "pruned" for job in jobs)


def test_stopping_finds_the_same_for_less(tmp_path, figures):
    place = Path(os.environ.get("ACCEL_BENCH", tmp_path))
    data = rows_of_airline(place / "airline.csv")
    every, best, _ = study(place / "none", "null", data)
    some, found, stopped = study(place / "asha", "asha", data)
    what = f"{TRIALS} trials of up to {EPOCHS} epochs"
    figures.value(f"{what}, asha, of none's epochs", some / every, "")
    figures.value(f"{what}, none, best validation accuracy", best, "")
    figures.value(f"{what}, asha, best validation accuracy", found, "", roof=best)
    figures.value(f"{what}, asha, stopped early", stopped, "trials")
