import subprocess
import sys

import pytest

from accel.core.metric import (
    ACCURACY,
    LOSS,
    MACRO_F1,
    NUMBER,
    OF_TOKENS,
    Metric,
    every_metric,
    metrics_of,
    quality_of,
    stated,
)

RMSE = Metric("rmse", "RMSE", higher_is_better=False, format=NUMBER)


def test_a_record_says_what_it_is_judged_by_and_which_way():
    record = {"metrics": stated([RMSE, LOSS]), "after": {"metrics": {"accuracy": 0.5, "rmse": 2.0}}}
    assert metrics_of(record) == (RMSE, LOSS)
    assert quality_of(record) == RMSE
    assert (RMSE.direction, RMSE.best, RMSE.gain(2.0)) == ("minimize", "min", -2.0)
    assert (ACCURACY.direction, ACCURACY.best, ACCURACY.gain(2.0)) == ("maximize", "max", 2.0)


def test_a_record_from_before_metrics_were_stated_has_those_it_has_values_of():
    scores = {"macro_f1": 0.4, "loss": 1.0, "accuracy": 0.5}
    assert metrics_of({"after": {"metrics": scores}}) == (OF_TOKENS, MACRO_F1, LOSS), "nobody says of what"
    assert metrics_of({"metrics": [], "before": {"metrics": scores}})[0] == OF_TOKENS
    assert quality_of({"after": {"validation": {"accuracy": 0.5}}}) == OF_TOKENS
    assert quality_of({"after": None}) is None


def test_fields_of_a_later_version_are_left_out_and_a_title_may_lack():
    assert metrics_of({"metrics": [{"key": "mrr", "higher_is_better": True, "colour": "red"}]}) == (
        Metric("mrr", "mrr"),
    )


def test_of_several_records_the_qualities_come_first_and_each_metric_once():
    one, other = {"metrics": stated([ACCURACY, LOSS])}, {"metrics": stated([RMSE, LOSS])}
    assert every_metric([{}, one, other, one]) == (ACCURACY, RMSE, LOSS)


@pytest.mark.parametrize("module", ["accel.core.metric", "accel.report.comparison", "accel.report.figures"])
def test_reading_records_imports_no_torch(module):
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
