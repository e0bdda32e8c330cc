"""The record of the benchmarks, ``tests/bench/figures.py``; the fast tests run it."""

import json
from types import SimpleNamespace

from tests.bench.figures import Figures, Record, table


def test_a_later_run_replaces_its_own_figures_and_keeps_all_others(tmp_path):
    file = tmp_path / "new" / "bench.json"
    Figures(Record(file), "old machine", "speed").value("dense", 3, "ms")
    Figures(Record(file), "machine", "size").value("dense", 90, "MB")
    Figures(Record(file), "machine", "speed").median("dense", [1, 2, 9], "ms", roof=0.5)
    Figures(Record(file), "machine", "speed").value("dense", 4, "ms")
    kept = {(f["machine"], f["benchmark"]): f["value"] for f in json.loads(file.read_text())}
    assert kept == {("machine", "size"): 90, ("machine", "speed"): 4, ("old machine", "speed"): 3}


def test_the_table_shows_the_interval_and_the_roof(tmp_path):
    record = Record(tmp_path / "bench.json")
    Figures(record, "machine", "speed").median("dense", [1.0, 2.0, 2.0, 2.0, 9.0], "ms", roof=0.5)
    cost = SimpleNamespace(latency_ms_p50=3.0, latency_ms_p50_interval=(2.5, 3.5), rounds=60)
    Figures(record, "machine", "speed").cost("eager", cost)
    shown = (tmp_path / "bench.md").read_text()
    assert shown == table(record.read())
    assert shown.startswith("**machine**\n")
    assert "| speed | dense | 2 ms | 1 to 9 | 5 | 0.5 ms |" in shown
    assert "| speed | eager | 3 ms | 2.5 to 3.5 | 60 |  |" in shown
