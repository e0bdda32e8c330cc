"""Folders of runs as accel leaves them, without running anything."""

import csv
import math
import random
from pathlib import Path

import pytest
import yaml

from accel.report.record import new_record, write_record
from accel.report.settings import named

COMPRESSIONS = ([], ["prune"], ["prune", "qat"], ["qat"])


def one_run(folder: Path, number: int, **changes) -> Path:
    """One finished run of a sweep over compression, sparsity, learning rate and seed."""
    chance = random.Random(number)
    chosen = COMPRESSIONS[number % 4]
    sparsity, rate, seed = (0.3, 0.5, 0.7)[number // 4 % 3], (1e-4, 3e-4)[number // 12 % 2], number // 24 % 3
    small = sparsity if "prune" in chosen else 0.0
    size = 9e7 * (1 - 0.8 * small) / (4 if "qat" in chosen else 1) * chance.uniform(0.98, 1.02)
    accuracy = 0.84 - 0.05 * small**2 - 0.004 * ("qat" in chosen) + chance.gauss(0, 0.004)
    cost = {"latency_ms_p50": size / 5e6 + 1, "size_bytes": size, "engine": "inductor", "dtype": "int8"}
    record = {
        **new_record([f"seed={seed}"]),
        "name": f"run {number}",
        "status": "finished",
        "seed": seed,
        "seconds": 60.0 + number,
        "choices": {"task": "airline", "model": "minilm", "compression": chosen},
        "after": {"metrics": {"accuracy": accuracy, "macro_f1": accuracy - 0.06}, "cost": cost},
        "privacy": {"epsilon": 2.0 + number % 7} if number % 2 else None,
    }
    config = {"seed": seed, "trainer": {"learning_rate": rate}, "compression": {}}
    if "prune" in chosen:
        config["compression"] = {"prune": {"_target_": "x", "sparsity": sparsity}}
    record |= changes
    write_record({**record, "settings": changes.get("settings") or named(config, record["choices"])}, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "report.html").write_text("<!doctype html><title>the report</title>")
    with (folder / "metrics.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "name", "value"))
        for step in range(300):
            rows.writerow((step, "train/loss", math.exp(-step / 90) + chance.random() / 9))
            if step % 60 == 59:
                rows.writerow((step, "validation/accuracy", accuracy - 0.1 * math.exp(-step / 90)))
    return folder


@pytest.fixture
def runs_of_a_sweep(tmp_path):
    """``runs_of_a_sweep(200) -> folder``."""

    def make(count: int) -> Path:
        for number in range(count):
            one_run(tmp_path / "runs" / str(number), number)
        return tmp_path / "runs"

    return make


@pytest.fixture
def write_run():
    """``write_run(folder, number, **changes of the record)``."""
    return one_run
