"""How much of what int4 costs a language model is won back by training: a run against its dense model rounded at once.

accel experiment=llm_int4 hydra.run.dir=RUN
ACCEL_RUN=RUN ACCEL_DENSE=CACHE/baselines/HASH/model pytest -s tests/bench/test_int4_language_model.py
"""

import os
from pathlib import Path

import pytest

from accel.artifact import load_model
from accel.compose import compose
from accel.compression.qat import Qat
from accel.data.prepared import prepare
from accel.ops import rounding
from accel.plan import decide
from accel.report.record import read_record
from accel.stages import scorer


@pytest.mark.skipif(not {"ACCEL_RUN", "ACCEL_DENSE"} <= set(os.environ), reason="ACCEL_RUN and ACCEL_DENSE: see above")
def test_training_wins_back_most_of_what_rounding_costs():
    record = read_record(Path(os.environ["ACCEL_RUN"]))
    assert record is not None
    plan = decide(compose(record["overrides"]))
    (qat,) = (option for option in plan.compression if isinstance(option, Qat))
    model = load_model(Path(os.environ["ACCEL_DENSE"]))
    rounding.prepare(model, qat.how())
    at_once = scorer(prepare(plan.task.load(plan.seed), plan))(model).metrics
    dense, trained = record["before"]["metrics"], record["after"]["metrics"]
    for name, metrics in {"dense": dense, "rounded at once": at_once, "trained with rounding": trained}.items():
        print(f"\n{name:<22} loss {metrics['loss']:.4f}  perplexity {metrics['perplexity']:.2f}", end="")
    won_back = 1 - (trained["loss"] - dense["loss"]) / (at_once["loss"] - dense["loss"])
    print(f"\nof the loss that rounding costs, {won_back:.0%} is won back")
    assert won_back >= 0.6
