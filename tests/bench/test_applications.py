"""What the experiments of applications come to: quality beside the dense model and simple ones, bytes, milliseconds.

ACCEL_BENCH=folder pytest -s tests/bench/test_applications.py     (a folder that is kept: what is finished there is not run again)

They need packages with data: `accel check experiment=NAME` says which, with the words that install them.
"""

import os
from pathlib import Path

import pytest

from tests.bench.runs import finished

APPLICATIONS = ("finance", "chinese")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Path(os.environ.get("ACCEL_BENCH", tmp_path_factory.mktemp("applications")))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_it_keeps_quality_and_is_smaller_and_faster(name, folder, figures):
    record = finished(name, folder, [f"experiment={name}"])
    before, after = record["before"], record["after"]
    quality = record["metrics"][0]["key"]
    for key in after["metrics"].keys() & before["metrics"].keys():
        figures.value(f"{name}, {key}, dense", before["metrics"][key], "")
        figures.value(f"{name}, {key}, after", after["metrics"][key], "")
    for simple in record["baselines"]:
        if quality in simple["metrics"]:
            figures.value(f"{name}, {quality}, {simple['name']}", simple["metrics"][quality], "")
        for end, value in zip(("low", "high"), simple.get("difference_interval") or (), strict=False):
            figures.value(f"{name}, above {simple['name']}, {end}, points", 100 * value, "points")
    eager = next(cost for cost in before["engines"] if cost["engine"] == "eager")
    for side, cost in {"dense, eager": eager, "dense, best engine": before["cost"], "after": after["cost"]}.items():
        figures.value(f"{name}, bytes to ship, {side}", cost["size_bytes"] / 1e6, "MB")
        figures.value(f"{name}, latency p50, {side}", cost["latency_ms_p50"], "ms")
    figures.value(f"{name}, times smaller", eager["size_bytes"] / after["cost"]["size_bytes"], "x")
    figures.value(f"{name}, times faster", eager["latency_ms_p50"] / after["cost"]["latency_ms_p50"], "x")
    figures.value(f"{name}, times faster than the best dense", record["measurement"]["speedup_vs_best_dense"], "x")
    figures.value(f"{name}, minutes", record["seconds"] / 60, "min")
    assert after["cost"]["size_bytes"] < before["cost"]["size_bytes"]
