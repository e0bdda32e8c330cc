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


def points(task, name, words, place):
    """(times fewer FLOPs, accuracy, accuracy of the dense model) of each job of one sweep."""
    folder = place / f"{task} {name}"
    common = [word for word in COMMON if "distill" not in word or "distill" in words[0]]
    goes_on = [f"sweep.resume='{folder}'"] if (folder / "sweep.json").exists() else [f"hydra.sweep.dir='{folder}'"]
    command = [sys.executable, "-m", "accel", "-m", f"task={task}", *words, *common, *goes_on]
    subprocess.run(command, env={**os.environ, "ACCEL_CACHE": str(place / "cache")}, check=True)
    found = []
    for job in json.loads((folder / "sweep.json").read_text())["jobs"]:
        record = json.loads((folder / str(job["number"]) / "result.json").read_text())
        before, after = record["before"], record["after"]
        fewer = before["cost"]["flops"] / after["cost"]["flops"]
        found.append((fewer, after["metrics"]["accuracy"], before["metrics"]["accuracy"]))
    return sorted(found)


def at(fewer, curve):
    """Quality of a method with so many times fewer FLOPs; of the nearest model beyond its ends."""
    first, last = curve[0], curve[-1]
    if fewer <= first[0] or fewer >= last[0]:
        return (first if fewer <= first[0] else last)[1]
    (x0, y0, _), (x1, y1, _) = next(pair for pair in pairwise(curve) if pair[0][0] <= fewer <= pair[1][0])
    return y0 + (y1 - y0) * log2(fewer / x0) / log2(x1 / x0)


@pytest.mark.parametrize("task", TASKS)
def test_front(task, tmp_path):
    place = Path(os.environ.get("ACCEL_BENCH", tmp_path))
    curves = {name: points(task, name, words, place) for name, words in SWEEPS.items()}
    print(f"\n{task}, dense {curves['both'][0][2]:.4f}")
    for name, curve in curves.items():
        print(f"  {name:<17}" + "  ".join(f"{fewer:.2f}x fewer {quality:.4f}" for fewer, quality, _ in curve))
    for fewer, quality, _ in curves["both"]:
        alone = {name: at(fewer, curve) for name, curve in curves.items() if name != "both"}
        print(f"  at {fewer:.2f}x: " + ", ".join(f"{quality - q:+.4f} over {name}" for name, q in alone.items()))
        assert quality > max(alone.values())
