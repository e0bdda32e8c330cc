"""Quality kept with 2, 4 and 8 times fewer FLOPs: pruning taught by the dense model, against either alone, on two tasks.

Each has the same dense baseline, the same number of steps and the same learning rate. Distilling alone teaches a student
of the dense model's first, middle or last layers, as DistilBERT is made (Sanh et al. 2019): its FLOPs come in steps of
a layer, and between two students its quality is taken from the line through them.

    ACCEL_BENCH=folder pytest -s tests/bench/test_front.py      (a folder that is kept: a second run finishes the first)
"""

import json
import os
import subprocess
import sys
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import NamedTuple

import pytest

COMMON = [
    "model=minilm", "tracker=none", "engines=[eager]",
    "trainer.baseline_epochs=2", "trainer.epochs=1", "trainer.learning_rate=2e-4",
    "compression.distill.temperature=1", "compression.distill.task_weight=0",
]  # fmt: skip
TASKS = ("airline", "tweets")
FEWER = (2, 4, 8)
SHARES = ",".join(str(1 / fewer) for fewer in FEWER)
SWEEPS = {
    "both": ["compression=[prune,distill]", f"compression.prune.target_flops={SHARES}"],
    "pruning alone": ["compression=[prune]", f"compression.prune.target_flops={SHARES}"],
    "distilling alone": ["compression=[layers,distill]", "compression.layers.keep=0.5,0.34,0.17"],
}


class Point(NamedTuple):
    """What one job came to, beside its dense model."""

    fewer: float
    """Times fewer FLOPs."""
    quality: float
    dense: float
    faster: float
    """Times faster, both in eager PyTorch on as many threads."""


def points(task, name, words, place):
    """Of each job of one sweep."""
    folder = place / f"{task} {name}"
    common = [word for word in COMMON if "distill" not in word or "distill" in words[0]]
    goes_on = [f"sweep.resume='{folder}'"] if (folder / "sweep.json").exists() else [f"hydra.sweep.dir='{folder}'"]
    command = [sys.executable, "-m", "accel", "-m", f"task={task}", *words, *common, *goes_on]
    subprocess.run(command, env={**os.environ, "ACCEL_CACHE": str(place / "cache")}, check=True)
    found = []
    for job in json.loads((folder / "sweep.json").read_text())["jobs"]:
        record = json.loads((folder / str(job["number"]) / "result.json").read_text())
        before, after = record["before"], record["after"]
        fewer, faster = (before["cost"][figure] / after["cost"][figure] for figure in ("flops", "latency_ms_p50"))
        found.append(Point(fewer, after["metrics"]["accuracy"], before["metrics"]["accuracy"], faster))
    return sorted(found)


def at(fewer, curve):
    """Quality of a method with so many times fewer FLOPs; of the nearest model beyond its ends."""
    first, last = curve[0], curve[-1]
    if fewer <= first.fewer or fewer >= last.fewer:
        return (first if fewer <= first.fewer else last).quality
    low, high = next(pair for pair in pairwise(curve) if pair[0].fewer <= fewer <= pair[1].fewer)
    share = log2(fewer / low.fewer) / log2(high.fewer / low.fewer)
    return low.quality + share * (high.quality - low.quality)


@pytest.mark.parametrize("task", TASKS)
def test_front(task, tmp_path, figures):
    place = Path(os.environ.get("ACCEL_BENCH", tmp_path))
    curves = {name: points(task, name, words, place) for name, words in SWEEPS.items()}
    for name, curve in curves.items():
        for number, point in enumerate(curve, start=1):
            what = f"{task}, {name}, model {number}"
            figures.value(f"{what}, FLOPs", point.fewer, "x fewer")
            figures.value(f"{what}, accuracy", point.quality, "", roof=point.dense)
            figures.value(f"{what}, latency in eager", point.faster, "x less", roof=point.fewer)
    for point in curves["both"]:
        alone = {name: at(point.fewer, curve) for name, curve in curves.items() if name != "both"}
        assert point.quality > max(alone.values())
