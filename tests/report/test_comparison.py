import csv

import pytest

from accel.report.comparison import compare_runs, write_csv
from accel.report.record import new_record
from accel.report.records import Recorded


@pytest.fixture
def runs(tmp_path):
    def run(name, accuracy, latency, words):
        cost = {"latency_ms_p50": latency, "size_bytes": 1e6, "engine": "eager", "dtype": "int8"}
        after = {"metrics": {"accuracy": accuracy, "macro_f1": 0.5}, "cost": cost}
        record = {**new_record(words), "name": name, "status": "finished", "after": after}
        return Recorded(tmp_path / name, record)

    return [run("a", 0.9, 5.0, ["seed=0"]), run("b", 0.8, 6.0, ["seed=1"]), run("=c", 0.8, 4.0, ["seed=2"])]


def test_marks_the_pareto_set_and_shows_what_differs(runs):
    table = compare_runs(runs)
    assert len(table.rows) == 3
    text = str(table.rows)
    assert "seed=1" in text
    marked = [row for row in table.rows if "*" in map(str, row.values())]
    assert len(marked) == 2


def test_csv_cells_are_inert(runs, tmp_path):
    write_csv(compare_runs(runs), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert len(rows) == 4
    assert not [cell for row in rows for cell in row if cell.startswith("=")]
