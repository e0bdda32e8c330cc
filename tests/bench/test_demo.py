"""What ``make demo`` shows: quality, size, speed and behaviour of the dense and of the compressed model, and the minutes it takes.

pytest -s tests/bench/test_demo.py                                  # runs experiment=quickstart, on a machine with nothing else to do
ACCEL_RUN=outputs/DATE/TIME pytest -s tests/bench/test_demo.py      # of a run of yours
"""

from accel.report.record import read_record
from tests.bench.runs import run_of

COSTS = {
    "bytes to ship": ("size_bytes", 1e-6, "MB"),
    "FLOPs per example": ("flops", 1e-9, "GFLOPs"),
    "latency p50": ("latency_ms_p50", 1, "ms"),
    "throughput": ("throughput_per_s", 1, "/s"),
}


def test_quickstart(figures, tmp_path):
    record = read_record(run_of(["experiment=quickstart", "tracker=none"], tmp_path / "run"))
    note_quality(figures, record)
    note_costs(figures, record)
    note_behaviour(figures, record["behaviour"])
    seconds = {phase: took for phase, took in record["timings"].items() if isinstance(took, float)}
    for phase in ("baseline", "fit"):
        figures.value(f"{phase}, minutes", seconds[phase] / 60, "min")
    figures.value("whole run, minutes", record["seconds"] / 60, "min")
    assert record["after"]["cost"]["size_bytes"] < record["before"]["cost"]["size_bytes"]


def note_quality(figures, record):
    before, after = record["before"]["metrics"], record["after"]["metrics"]
    for name, key in {"accuracy": "accuracy", "macro F1": "macro_f1"}.items():
        figures.value(f"{name}, dense", before[key], "")
        figures.value(f"{name}, after", after[key], "")
        figures.value(f"{name}, change, points", 100 * (after[key] - before[key]), "points")
    for side, share in zip(("low", "high"), record["behaviour"]["difference_interval"], strict=True):
        figures.value(f"accuracy, change, {side}, points", 100 * share, "points")


def note_costs(figures, record):
    eager = next(cost for cost in record["before"]["engines"] if cost["engine"] == "eager")
    for name, (key, scale, unit) in COSTS.items():
        sides = {
            "dense, eager": eager,
            "dense, best engine": record["before"]["cost"],
            "after": record["after"]["cost"],
        }
        for side, cost in sides.items():
            figures.value(f"{name}, {side}", scale * cost[key], unit)
        ratio = eager[key] / record["after"]["cost"][key]
        figures.value(f"{name}, change to eager", 1 / ratio if key == "throughput_per_s" else ratio, "x")


def note_behaviour(figures, drift):
    count = drift["predictions"]
    for name in ("changed", "right_to_wrong", "wrong_to_right"):
        figures.value(f"{name.replace('_', ' ')}, percent", 100 * drift[name] / count, "%")
    for name in (
        "agreement",
        "probability_loyalty",
        "mcnemar_p",
        "ece_before",
        "ece_after",
        "ece_scaled",
        "temperature",
    ):
        figures.value(name.replace("_", " "), drift[name], "")
