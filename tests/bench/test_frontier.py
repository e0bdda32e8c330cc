"""What a joint search finds that one-factor grids of the same cost do not: quality, latency and size of MiniLM x airline.

pytest -s tests/bench/test_frontier.py
"""

import itertools
import json
import os
import statistics
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
    """The records of the finished jobs of one sweep."""
    command = [sys.executable, "-m", "accel", "-m", *words, *COMMON, f"hydra.sweep.dir='{folder}'"]
    subprocess.run(command, env=dict(os.environ), check=True)
    return recorded(folder)


def recorded(folder):
    jobs = [job for job in json.loads((folder / "sweep.json").read_text())["jobs"] if job["status"] == "finished"]
    return [json.loads((folder / str(job["number"]) / "result.json").read_text()) for job in jobs]


def points(records, dense):
    """Each model's validation accuracy, and how many times faster and smaller than the best dense engine it is.

    A run that compresses times the dense model in turn with its own, so that their ratio survives the drift of a
    shared machine's clock; a run that does not has no such baseline, and is compared with `dense`, the other runs'.
    """
    return [point(record, record["before"]["cost"] if record["before"] else dense) for record in records]


def point(record, dense):
    own = record["after"]["cost"]
    faster, smaller = (dense[key] / own[key] for key in ("latency_ms_p50", "size_bytes"))
    return record["after"]["validation"]["accuracy"], faster, smaller


def usual(records):
    """The median baseline of the runs that have one."""
    costs = [record["before"]["cost"] for record in records if record["before"]]
    return {key: statistics.median(cost[key] for cost in costs) for key in ("latency_ms_p50", "size_bytes")}


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


def test_the_search_covers_more_than_grids_of_one_factor(tmp_path, figures):
    assert abs(hypervolume([(1, 1, 2), (2, 1, 1)], (0, 0, 0)) - 3) < 1e-12
    place = Path(os.environ.get("ACCEL_BENCH", tmp_path))
    searched = sweep(FRONTIER, place / "frontier")
    gridded = [record for n, words in enumerate(GRIDS) for record in sweep(words, place / f"grid{n}")]
    dense = usual(searched + gridded)
    found, grids = points(searched, dense), points(gridded, dense)
    labels = Airline(max_length=64, validation_fraction=0.1, test_fraction=0.05).load(0).train.labels
    worst = (max(map(labels.count, set(labels))) / len(labels), 0, 0)
    mine, theirs, both = (hypervolume(some, worst) for some in (found, grids, found + grids))
    for name, some, volume in (("search", found, mine), ("grids", grids, theirs)):
        figures.value(f"{name}, {len(some)} jobs, hypervolume", volume, "", roof=both)
        print(f"\n{name}")
        for quality, faster, smaller in sorted(some):
            print(
                f"  accuracy {quality:.4f}  {faster:5.2f}x faster  {smaller:5.2f}x smaller than the best dense engine"
            )
    figures.value("hypervolume, search over grids", mine / theirs, "x")
