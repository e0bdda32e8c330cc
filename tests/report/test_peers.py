from pathlib import Path

import pytest

from accel.report.comparison import compare_runs
from accel.report.peers import peers_of
from accel.report.record import new_record
from accel.report.records import Recorded


def run(name, accuracy, latency, rows=100, **machine):
    cost = {"latency_ms_p50": latency, "size_bytes": 1, "num_threads": 2}
    record = {**new_record([]), "name": name, "status": "finished", "choices": {"task": "airline"}}
    data = {"train": rows, "validation": 10, "test": 10, "labels": ["a", "b"]}
    after = {"metrics": {"accuracy": accuracy}, "cost": cost}
    record |= {"data": data, "after": after, "machine": {"processor": "EPYC", "cores": 2} | machine}
    return Recorded(Path(name), record)


def marks(*runs):
    return [row["pareto"] for row in compare_runs(runs).rows]


def test_on_one_machine_and_data_the_better_run_is_marked_alone():
    assert peers_of([run("a", 0.9, 1), run("b", 0.8, 2)]) == {}
    assert marks(run("a", 0.9, 1), run("b", 0.8, 2)) == ["*", ""]


def test_on_other_data_or_machines_each_competes_among_its_peers():
    assert marks(run("a", 0.9, 1), run("b", 0.8, 2, rows=50)) == ["*", "*"]
    assert marks(run("a", 0.9, 1), run("b", 0.8, 2, processor="Xeon")) == ["*", "*"]
    table = compare_runs([run("a", 0.9, 1), run("b", 0.8, 2, cores=8), run("c", 0.7, 3, cores=8)])
    assert [(row["peers"], row["pareto"]) for row in table.rows] == [("A", "*"), ("B", "*"), ("B", "")]
    assert table.peers["B"] == "airline, 120 examples, 2 labels (a, b); EPYC, 8 cores, 2 threads"
    assert "on the same data and machine" in table.competed_in


def test_files_with_as_many_rows_and_the_same_labels_are_told_apart_by_their_content():
    runs = [run("a", 0.9, 1), run("b", 0.8, 2), run("c", 0.7, 3)]
    for one, content in zip(runs, ("12345678x", "12345678x", "87654321y"), strict=True):
        one.record["data"]["content"] = content
    assert marks(*runs) == ["*", "", "*"]
    assert "content 87654321;" in peers_of(runs)["B"]


def test_what_has_no_figures_competes_with_nobody():
    refused = Recorded(Path("r"), {**new_record([]), "status": "refused"})
    assert peers_of([run("a", 0.9, 1), refused]) == {}


def test_means_are_over_peers():
    def seeded(name, accuracy, seed, **machine):
        made = run(name, accuracy, 1, **machine)
        return Recorded(made.folder, {**made.record, "overrides": [f"seed={seed}"]})

    runs = [seeded("a", 0.9, 0), seeded("b", 0.8, 1), seeded("c", 0.7, 0, cores=8), seeded("d", 0.5, 1, cores=8)]
    assert [row["accuracy"] for row in compare_runs(runs).mean_over("seed").rows] == pytest.approx([0.85, 0.6])
