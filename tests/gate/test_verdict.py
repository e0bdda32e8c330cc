"""Planted regressions: each has to be named, and only a good run passes."""

import json

import pytest

from accel.gate.candidate import Candidate
from accel.gate.limits import LIMITS
from accel.gate.verdict import checks
from accel.report.record import RESULT, new_record, write_record
from accel.report.records import find
from tests.gate_records import GOOD, LOSS, put


def broken(run, allowed):
    ((recorded,), _) = find([run])
    return [check.limit for check in checks(Candidate(recorded), allowed) if not check.passed]


def test_a_good_run_keeps_every_limit(tmp_path):
    assert {limit.key for limit in LIMITS} <= GOOD.keys()
    assert broken(put(tmp_path / "run"), GOOD) == []


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        (("after", "metrics", "accuracy"), 0.79, "accuracy"),
        (("after", "metrics", "accuracy"), 0.82, "max_drop"),
        (("after", "metrics", "macro_f1"), 0.74, "macro_f1"),
        (("after", "metrics", "loss"), 0.6, "loss"),
        (("after", "per_class", 0, "f1"), 0.70, "max_class_drop"),
        (("fairness", "groups", "south", "after"), {"accuracy": 0.69}, "min_group_quality"),
        (("fairness", "groups", "north", "after"), {"accuracy": 0.82}, "max_group_drop"),
        (("after", "cost", "size_bytes"), 4.1e7, "max_size_mb"),
        (("after", "cost", "size_bytes"), 4.6e7, "max_growth"),
        (("after", "cost", "latency_ms_p50"), 5.1, "max_latency_ms"),
        (("before", "cost", "latency_ms_p50"), 3.9, "max_slowdown"),
        (("after", "cost", "peak_memory_bytes"), 1.1e8, "max_memory_mb"),
        (("behaviour", "right_to_wrong"), 51, "max_flips"),
        (("behaviour", "difference_interval"), [-0.06, 0.01], "max_drop_at_worst"),
        (("exports", 1, "max_abs_diff"), 2e-3, "max_parity_difference"),
        (("privacy", "epsilon"), 8.1, "max_epsilon"),
        (("privacy", "private"), False, "max_epsilon"),
        (("privacy",), None, "max_epsilon"),
        (("after", "cost"), {}, "max_latency_ms"),
        (("after", "metrics", "accuracy"), float("nan"), "accuracy"),
        (("fairness",), None, "max_group_drop"),
        (("exports",), [], "max_parity_difference"),
        (("status",), "refused", "run"),
        (("status",), "running", "run"),
        (("schema",), 0, "run_schema"),
    ],
)
def test_every_planted_regression_is_named(path, value, name, tmp_path):
    assert name in broken(put(tmp_path / "run", path, value), GOOD)


def test_a_metric_that_is_better_when_lower_is_judged_in_its_direction(tmp_path):
    """The other way round the same drop would be a gain."""
    run = put(tmp_path / "run", ("metrics",), [LOSS])
    allowed = {"quality": 0.41, "max_drop": 0.001}
    assert broken(run, allowed) == []
    record = json.loads((run / RESULT).read_text())
    record["after"]["metrics"]["loss"] = 0.45
    write_record(record, run)
    assert broken(run, allowed) == ["loss", "max_drop"]


def test_a_refused_run_has_no_metrics_and_breaks_every_limit(tmp_path):
    write_record({**new_record([]), "status": "refused"}, tmp_path)
    assert broken(tmp_path, {"quality": 0.5, "max_latency_ms": 9}) == ["run", "quality", "max_latency_ms"]


def test_a_single_group_is_no_comparison(tmp_path):
    one = {"groups": {"others": {"before": {"accuracy": 0.8}, "after": {"accuracy": 0.8}}}}
    run = put(tmp_path, ("fairness",), one)
    assert broken(run, {"max_group_drop": 0.1, "min_group_quality": 0.1}) == ["max_group_drop", "min_group_quality"]


def test_groups_of_numbers_are_limited_by_what_they_lost(tmp_path):
    """Of an error less is better, so the quality of the worst group cannot have a smallest value."""
    mae = {"key": "mae", "title": "MAE", "higher_is_better": False, "format": "number"}
    groups = {
        "north": {"before": {"mae": 0.5}, "after": {"mae": 0.9}},
        "south": {"before": {"mae": 0.7}, "after": {"mae": 0.6}},
    }
    run = put(tmp_path / "run", ("fairness",), {"scores": [mae], "groups": groups})
    assert broken(run, {"max_group_drop": 0.5}) == []
    assert broken(run, {"max_group_drop": 0.3}) == ["max_group_drop"]
    assert broken(run, {"min_group_quality": 0.1}) == ["min_group_quality"]
