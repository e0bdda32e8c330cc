from accel.core.metric import NUMBER, Metric, stated
from accel.report.money import Prices
from accel.report.pareto import NAMED, OBJECTIVES, dominates, goal, pareto

PRICES = Prices(price_per_cpu_hour=1, requests_per_month=1, cost_per_error=1)


def record(accuracy, latency, size):
    cost = {"latency_ms_p50": latency, "size_bytes": size}
    return {"after": {"metrics": {"accuracy": accuracy}, "cost": {k: v for k, v in cost.items() if v is not None}}}


def test_only_what_nothing_beats_in_everything_stays():
    runs = {"a": record(0.9, 5, 10), "b": record(0.8, 6, 11), "c": record(0.8, 4, 10), "d": record(0.99, 1, None)}
    assert pareto(runs) == ["a", "c"]


def test_equal_runs_do_not_beat_each_other():
    assert pareto({"a": record(0.9, 5, 10), "b": record(0.9, 5, 10)}) == ["a", "b"]
    assert not dominates([1.0], [1.0])
    assert dominates([1.0, 2.0], [1.0, 3.0])


def test_accuracy_is_maximized():
    assert OBJECTIVES[0].cost(record(0.9, 1, 1)) == -0.9
    assert OBJECTIVES[0].cost({}) is None


def test_a_metric_that_is_better_when_lower_is_minimized_and_told_to_a_study_negated():
    rmse = stated([Metric("rmse", "RMSE", higher_is_better=False, format=NUMBER)])
    found = {"metrics": rmse, "after": {"validation": {"rmse": 0.4, "accuracy": 1.0}}}
    goal = NAMED["quality"]
    assert (goal.direction, goal.told(found), goal.cost(found)) == ("maximize", -0.4, 0.4)
    assert (goal.of(found).key, goal.of(found).direction) == ("after.validation.rmse", "minimize")
    assert NAMED["size_bytes"].told({"after": {"cost": {"size_bytes": 9}}}) == 9


def test_what_costs_is_minimized_and_a_search_looks_at_validation():
    assert {name: (o.key, o.direction) for name, o in NAMED.items()} == {
        "quality": ("after.validation", "maximize"), "latency_ms_p50": ("after.cost.latency_ms_p50", "minimize"),
        "size_bytes": ("after.cost.size_bytes", "minimize"), "flops": ("after.cost.flops", "minimize"),
        "epsilon": ("privacy.epsilon", "minimize"), "cost": ("cost", "minimize"),
    }  # fmt: skip
    assert goal("cost", PRICES).prices is PRICES
    private = {"privacy": {"epsilon": 3.0}}
    assert NAMED["epsilon"].cost(private) == NAMED["epsilon"].told(private) == 3.0
    assert [objective.key for objective in OBJECTIVES] == [
        "after.metrics",
        "after.cost.latency_ms_p50",
        "after.cost.size_bytes",
    ]
