import csv
from concurrent.futures import ThreadPoolExecutor

from accel.report.record import new_record
from accel.tracker.csv import Csv, append


def record(name, **more):
    return {**new_record([]), "name": name, "choices": {"compression": ["prune", "qat"]}, **more}


def rows_of(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_one_row_per_run_with_new_columns_added_to_all(tmp_path):
    tracker = Csv(file=str(tmp_path / "deep" / "runs.csv"))
    tracker.finish(record("a"), tmp_path / "a", 0)
    tracker.finish(record("=HYPERLINK(1)", after={"metrics": {"accuracy": 0.5}}), tmp_path / "b", 0)
    first, second = rows_of(tmp_path / "deep" / "runs.csv")
    assert first["compression"] == "prune+qat"
    assert (first["after/accuracy"], second["after/accuracy"]) == ("", "0.5")
    assert second["name"] == "'=HYPERLINK(1)"
    assert [p.name for p in (tmp_path / "deep").iterdir() if not p.name.startswith(".")] == ["runs.csv"]


def test_runs_that_end_together_lose_no_row(tmp_path):
    tracker = Csv(file=str(tmp_path / "runs.csv"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: tracker.finish(record(str(i)), tmp_path / str(i), 0), range(24)))
    assert sorted(int(r["name"]) for r in rows_of(tmp_path / "runs.csv")) == list(range(24))


def test_append_keeps_what_is_there(tmp_path):
    append(tmp_path / "x.csv", {"a": "1"})
    append(tmp_path / "x.csv", {"b": "2"})
    assert rows_of(tmp_path / "x.csv") == [{"a": "1", "b": ""}, {"a": "", "b": "2"}]


def test_a_run_that_was_resumed_keeps_one_row(tmp_path):
    tracker = Csv(file=str(tmp_path / "runs.csv"))
    tracker.finish(record("a", status="interrupted"), tmp_path / "a", 130)
    tracker.finish(record("b"), tmp_path / "b", 0)
    tracker.finish(record("a", status="finished"), tmp_path / "a", 0)
    assert [(r["name"], r["status"]) for r in rows_of(tmp_path / "runs.csv")] == [("b", "running"), ("a", "finished")]
