"""Records of runs that a gate lets through, with one value replaced."""

import json

from accel.checkpoint.resume import LEARNED
from accel.report.record import new_record, write_record

GOOD = {
    "quality": 0.8,
    "max_drop": 0.02,
    "max_drop_at_worst": 0.05,
    "max_flips": 0.05,
    "max_class_drop": 0.03,
    "min_group_quality": 0.7,
    "max_group_drop": 0.03,
    "max_latency_ms": 5,
    "max_slowdown": 1.0,
    "max_size_mb": 40,
    "max_growth": 0.5,
    "max_memory_mb": 100,
    "max_epsilon": 8,
    "max_parity_difference": 1e-3,
    "macro_f1": 0.75,
    "loss": 0.5,
}
ACCURACY = {"key": "accuracy", "title": "accuracy", "higher_is_better": True, "format": "share"}
MACRO_F1 = {**ACCURACY, "key": "macro_f1", "title": "macro F1"}
LOSS = {"key": "loss", "title": "loss", "higher_is_better": False, "format": "number"}


def side(accuracy, latency_ms, size_bytes, f1):
    return {
        "metrics": {"accuracy": accuracy, "macro_f1": 0.8, "loss": 0.4},
        "cost": {"latency_ms_p50": latency_ms, "size_bytes": size_bytes, "peak_memory_bytes": 5e7},
        "per_class": [{"label": "bad", "f1": f1}, {"label": "good", "f1": 0.9}],
    }


def good_record():
    return {
        **new_record([]),
        "status": "finished",
        "metrics": [ACCURACY, MACRO_F1, LOSS],
        "before": side(0.85, 8.0, 9e7, 0.80),
        "after": side(0.84, 4.0, 3e7, 0.79),
        "behaviour": {"right_to_wrong": 30, "predictions": 1000, "difference_interval": [-0.03, 0.01]},
        "fairness": {
            "groups": {
                "north": {"before": {"accuracy": 0.86}, "after": {"accuracy": 0.85}},
                "south": {"before": {"accuracy": 0.76}, "after": {"accuracy": 0.74}},
            }
        },
        "privacy": {"private": True, "epsilon": 7.9},
        "exports": [{"format": "onnx", "max_abs_diff": 1e-6}, {"format": "onnx-int8", "max_abs_diff": 5e-4}],
    }


def put(folder, path=(), value=None, learned="data", **more):
    """A good run with one value of its record replaced, and more of it; the folder."""
    record = {**good_record(), **more}
    if path:
        inner = record
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
    write_record(record, folder)
    (folder / LEARNED).write_text(json.dumps({"data": learned}))
    return folder
