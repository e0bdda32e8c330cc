"""What a joint search finds that one-factor grids of the same cost do not: quality, latency and size of MiniLM x airline.

pytest -s tests/bench/test_frontier.py
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

from accel.task.airline import Airline

COMMON = [
    "task=airline", "model=minilm", "tracker=none", "engines=[onnxruntime]", "trainer.max_steps=60",
    "task.test_fraction=0.05", "task.validation_fraction=0.1",
]  # fmt: skip
FRONTIER = ["sweep=frontier"]
GRIDS = [
    ["compression=[],[prune],[qat],[prune,qat],[prune,qat,distill]"],
    ["compression=[prune]", "compression.prune.sparsity=0.2,0.35,0.5,0.65,0.75,0.9"],
    ["compression=[]", "trainer.learning_rate=5e-5,9e-5,1.6e-4,2.8e-4,5e-4"],
]


def sweep(words, folder):
    """Each job's (quality, latency of the dense model over its own, bytes), the first two the larger the better."""
    command = [sys.executable, "-m", "accel", "-m", *words, *COMMON, f"hydra.sweep.dir='{folder}'"]
    subprocess.run(command, env=dict(os.environ), check=True)
    jobs = [job for job in json.loads((folder / "sweep.json").read_text())["jobs"] if job["status"] == "finished"]
    records = [json.loads((folder / str(job["number"]) / "result.json").read_text()) for job in jobs]
    return [point(record) for record in records]


def point(record):
    """What is better when larger: validation accuracy, speed-up and factor in bytes over the dense model of the run."""
    before, after = record["before"]["cost"], record["after"]
    cost = after["cost"]
    # The ratio, because the clock of a shared machine drifts between runs and both were timed in turn.
    faster = before["latency_ms_p50"] / cost["latency_ms_p50"]
    return after["validation"]["accuracy"], faster, before["size_bytes"] / cost["size_bytes"]


def hypervolume(points, reference):
    """Volume that the points dominate above the reference: a grid over all their coordinates, cell by cell."""
    above = [p for p in points if all(x > r for x, r in zip(p, reference, strict=True))]
    axes = [sorted({r, *(p[i] for p in above)}) for i, r in enumerate(reference)]
    cells = itertools.product(*(itertools.pairwise(axis) for axis in axes))
    return sum(
        (a1 - a0) * (b1 - b0) * (c1 - c0)
        for (a0, a1), (b0, b1), (c0, c1) in cells
        if any(p[0] >= a1 and p[1] >= b1 and p[2] >= c1 for p in above)
    )


def test_the_search_covers_more_than_grids_of_one_factor(tmp_path):
    assert abs(hypervolume([(1, 1, 2), (2, 1, 1)], (0, 0, 0)) - 3) < 1e-12
    place = Path(os.environ.get("ACCEL_BENCH", tmp_path))
    found = sweep(FRONTIER, place / "frontier")
    grids = [p for n, words in enumerate(GRIDS) for p in sweep(words, place / f"grid{n}")]
    majority = Airline(max_length=64, validation_fraction=0.1, test_fraction=0.05).load(0).train.labels
    reference = (max(map(majority.count, set(majority))) / len(majority), 0.9, 0.9)
    mine, theirs = hypervolume(found, reference), hypervolume(grids, reference)
    both = hypervolume(found + grids, reference)
    for name, points, volume in (("search", found, mine), ("grids", grids, theirs)):
        print(
            f"\n{name:<7} {len(points)} jobs, hypervolume {volume:.4f}: {100 * volume / both:.0f} % of what both reach"
        )
        for quality, faster, smaller in sorted(points):
            print(f"  accuracy {quality:.4f}  {faster:5.2f}x faster  {smaller:5.2f}x smaller")
    print(f"\nsearch / grids {mine / theirs:.2f}")
