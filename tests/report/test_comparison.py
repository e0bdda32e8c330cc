import csv
from pathlib import Path

import pytest

from accel.core.metric import ACCURACY, NUMBER, Metric, stated
from accel.errors import ConfigError
from accel.report.comparison import Comparison, compare_runs, write_csv
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
    assert [row["run"] for row in table.rows] == ["seed=0", "seed=1", "seed=2"]
    assert [c.key for c in table.settings] == ["seed"]
    marked = [row for row in table.rows if "*" in map(str, row.values())]
    assert len(marked) == 2


def test_groups_that_are_judged_by_an_error_are_in_no_column_where_more_is_better(runs):
    told = {"worst_group": "a", "worst_after": 0.7, "hardest_change": 0.1}
    mae = Metric("mae", "MAE", higher_is_better=False, format=NUMBER)
    runs[0].record["fairness"] = told
    runs[1].record["fairness"] = {**told, "scores": stated([mae])}
    shown = [row["worst_group_after"] for row in compare_runs(runs).rows]
    assert sorted(shown, key=str) == [0.7, None, None]


def test_csv_cells_are_inert(runs, tmp_path):
    write_csv(compare_runs(runs), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert len(rows) == 4
    assert not [cell for row in rows for cell in row if cell.startswith("=")]


def test_conditions(runs):
    table = compare_runs(runs)

    def names(condition):
        return [row["name"] for row in table.where(condition).rows]

    assert names("accuracy>=0.9") == ["a"]
    assert names("accuracy<0.9") == ["b", "=c"]
    assert names("latency_ms_p50 > 4.5") == ["a", "b"]
    assert names("seed=1") == names("seed!=0")[:1] == ["b"]
    assert names("name=?c") == ["=c"]
    assert names("STATUS=*".lower()) == ["a", "b", "=c"]
    assert names("name!=a*") == ["b", "=c"]
    assert names("epsilon>0") == [], "what has no value meets no bound"
    for condition, reason in (("accuracy", "is no condition"), ("acuracy>1", r"no such column.*accuracy")):
        with pytest.raises(ConfigError, match=reason):
            table.where(condition)


def test_words_and_numbers_sort_beside_each_other(runs):
    table = compare_runs(runs)
    table.rows[1]["seed"] = "word"
    assert [row["seed"] for row in table.sorted_by("seed").rows] == [0, 2, "word"]
    assert table.sorted_by("accuracy").rows[0]["name"] == "a"


def test_means_over_seeds(tmp_path):
    def run(number, accuracy, words, status="finished"):
        record = {**new_record(words), "status": status, "after": {"metrics": {"accuracy": accuracy}, "cost": {}}}
        return Recorded(tmp_path / str(number), record)

    pruned = ["compression=[prune]"]
    runs = [run(0, 0.8, ["seed=0"]), run(1, 0.9, ["seed=1"]), run(2, 0.7, ["seed=0", *pruned])]
    table = compare_runs([*runs, run(3, 0.1, ["seed=1", *pruned], status="failed")])
    dense, pruned, failed = table.mean_over("seed").rows
    assert dense["accuracy"] == pytest.approx(0.85)
    assert dense["accuracy_sd"] == pytest.approx(0.070711, abs=1e-6)
    assert (dense["runs"], pruned["runs"], failed["runs"]) == (2, 1, 1)
    assert "accuracy_sd" not in pruned, "one run has no spread"
    assert failed["status"] == "failed", "what failed is no part of a mean"
    shown = next(c for c in table.mean_over("seed").columns if c.key == "accuracy").show(dense)
    assert shown == "0.8500 ± 0.0707"
    with pytest.raises(ConfigError, match="do not differ in it"):
        table.mean_over("trainer.epochs")


def test_a_label_has_room_for_what_is_unusual(tmp_path):
    words = [f"trainer.{letter}=0" for letter in "abcdef"]
    runs = [
        Recorded(tmp_path / str(i), new_record([*words[:i], f"{words[i][:-1]}1", *words[i + 1 :]])) for i in range(6)
    ]
    assert [row["run"] for row in compare_runs(runs).rows] == [f"{letter}=1" for letter in "abcdef"]


def test_runs_are_judged_by_what_their_records_state():
    def run(number, task, value, latency):
        metric = {"airline": ACCURACY, "plug-in": Metric("rmse", "RMSE", higher_is_better=False, format=NUMBER)}[task]
        side = {"metrics": {metric.key: value}, "cost": {"latency_ms_p50": latency, "size_bytes": 1}}
        record = {**new_record([]), "status": "finished", "metrics": stated([metric]), "choices": {"task": task}}
        return Recorded(Path(str(number)), {**record, "after": side, "name": f"{task} {number}"})

    pairs = (("plug-in", 0.5, 2), ("plug-in", 0.4, 2), ("airline", 0.1, 9), ("airline", 0.2, 9))
    table = compare_runs([run(number, *pair) for number, pair in enumerate(pairs)])
    assert [row["pareto"] for row in table.rows] == ["", "*", "", "*"], "each among its own kind"
    assert table.sorted_by("rmse").rows[0]["rmse"] == 0.4
    assert table.sorted_by("accuracy").rows[0]["accuracy"] == 0.2
    assert table.competed_in.startswith("RMSE")
    assert {"rmse", "accuracy"} <= {column.key for column in table.columns}
    assert len(table.where("rmse<0.45").rows) == 1


def test_bounds_are_with_or_without_the_bound_itself(runs):
    table = compare_runs(runs)
    for condition, expected in {
        "latency_ms_p50>5": ["b"], "latency_ms_p50>=5": ["a", "b"], "latency_ms_p50<5": ["=c"],
        "latency_ms_p50<=5": ["a", "=c"], "latency_ms_p50=5": ["a"], "latency_ms_p50!=5": ["b", "=c"],
    }.items():  # fmt: skip
        assert [row["name"] for row in table.where(condition).rows] == expected


def test_the_best_comes_first_whichever_way_a_figure_is_better(runs):
    table = compare_runs(runs)
    assert [row["name"] for row in table.sorted_by("accuracy").rows] == ["a", "b", "=c"]
    assert [row["name"] for row in table.sorted_by("latency_ms_p50").rows] == ["=c", "a", "b"]


def test_figures_before_are_those_of_the_dense_model(tmp_path):
    sides = {
        side: {"metrics": {"accuracy": value}, "cost": {"size_bytes": size}}
        for side, value, size in (("before", 0.9, 8), ("after", 0.8, 2))
    }
    (row,) = compare_runs([Recorded(tmp_path, {**new_record([]), "status": "finished", **sides})]).rows
    assert (row["accuracy_before"], row["accuracy"], row["size_bytes"]) == (0.9, 0.8, 2)


def test_drift_has_columns_that_filter_and_sort(tmp_path):
    def run(number, agreement):
        drift = {"agreement": agreement, "right_to_wrong": 9 * number, "difference_interval": [-0.01 * number, 0.001]}
        return Recorded(tmp_path / str(number), {**new_record([]), "status": "finished", "behaviour": drift})

    table = compare_runs([run(2, 0.9), run(1, 0.99)])
    assert [row["agreement"] for row in table.sorted_by("agreement").rows] == [0.99, 0.9]
    assert [row["right_to_wrong"] for row in table.where("difference_low>=-0.015").rows] == [9.0]
    assert {"agreement", "difference_high"} <= {c.key for c in table.columns}
    assert "mcnemar_p" not in {c.key for c in table.columns}


def test_federations_have_columns(tmp_path):
    found = {"rounds": 20, "bytes_per_round": 5e6, "worst_decile": 0.5, "bars": {"alone": 0.6, "pooled": 0.8}}
    run = Recorded(tmp_path, {**new_record([]), "status": "finished", "federation": found})
    table = compare_runs([run])
    keys = ("rounds", "bytes_per_round", "worst_decile", "alone", "pooled")
    assert [table.column(key, "--columns").show(table.rows[0]) for key in keys] == [
        "20", "5.0 MB", "0.5000", "0.6000", "0.8000",
    ]  # fmt: skip
    plain = compare_runs([Recorded(tmp_path, {**new_record([]), "status": "finished"})])
    assert not {c.key for c in plain.columns} & set(keys)


def test_of_many_rows_the_first_are_kept_and_all_that_are_marked():
    rows = [{"run": str(n), "pareto": "*" if n in (1, 8) else ""} for n in range(9)]
    shown, cut = Comparison(rows, ()).first(4)
    assert ([row["run"] for row in shown.rows], cut) == (["0", "1", "2", "8"], 5)
    whole, cut = Comparison(rows, ()).first(9)
    assert (whole.rows, cut) == (rows, 0)


def test_a_comparison_with_no_number_is_refused(runs):
    with pytest.raises(ConfigError, match="'>0.3' is no number"):
        compare_runs(runs).where("accuracy>>0.3")
    assert len(compare_runs(runs).where("accuracy>0.85").rows) == 1


def test_runs_of_the_same_words_are_told_apart_by_as_much_of_their_folders_as_it_takes(tmp_path):
    def run(folder, seed):
        return Recorded(tmp_path / folder, {**new_record([f"seed={seed}"]), "name": "same", "status": "finished"})

    rows = compare_runs([run("a", 0), run("b/0", 0), run("c/0", 0), run("d", 1)]).rows
    assert [row["run"] for row in rows] == ["seed=0 (a)", "seed=0 (b/0)", "seed=0 (c/0)", "seed=1"]
