from types import SimpleNamespace

import numpy as np
import pytest

from accel.behaviour.decisions import hits_by_example
from accel.core.metric import ACCURACY
from accel.objective.scores import Report
from accel.run.behaviour import behaviour_of, predictions_of
from tests.behaviour.test_decisions import AFTER, BEFORE, decided


def prepared(parts=lambda kept, split: hits_by_example(kept, 6)):
    objective = SimpleNamespace(unit="texts", label_names=["a", "b"], quality=ACCURACY, parts_of_quality=parts)
    return SimpleNamespace(objective=objective, test=SimpleNamespace(lengths=np.arange(6) + 4))


def report(kept, accuracy=0.5):
    return Report({"accuracy": accuracy}, kept=kept)


def test_before_against_after():
    found = behaviour_of(prepared(), report(BEFORE, 4 / 6), report(AFTER, 3 / 6), 2.0)
    assert found["difference"] == pytest.approx(-1 / 6)
    low, high = found["difference_interval"]
    assert low < -1 / 6 < high
    assert (found["right_to_wrong"], found["wrong_to_right"], found["unit"]) == (2, 1, "texts")
    assert found["ece_before"] == pytest.approx(0.8 - 4 / 6)
    assert found["temperature"] == 2.0
    assert found["ece_scaled"] < found["ece_after"]
    assert {row["label"] for row in found["by_class"]} == {"a", "b"}


def test_a_model_against_itself_has_changed_nothing():
    found = behaviour_of(prepared(), report(AFTER), report(AFTER), None)
    assert (found["difference"], found["difference_interval"]) == (0, [0, 0])
    assert (found["agreement"], found["mcnemar_p"], found["changed"]) == (1, 1, 0)
    assert "temperature" not in found


def test_without_a_model_before_there_is_calibration_alone():
    found = behaviour_of(prepared(), None, report(AFTER), None)
    assert set(found) == {"unit", "ece_after", "nll_after", "brier_after"}


def test_other_tokens_are_not_compared_and_that_is_said():
    found = behaviour_of(prepared(), report(decided([0], [0])), report(AFTER), None)
    assert "other tokens" in found["unpaired"]
    assert "agreement" not in found


def test_an_objective_that_keeps_nothing_has_none():
    assert behaviour_of(prepared(), report(None), report(None), None) == {}


def test_a_quality_that_is_no_ratio_has_no_interval():
    found = behaviour_of(prepared(lambda kept, split: None), report(BEFORE), report(AFTER), None)
    assert "difference" in found
    assert "difference_interval" not in found


def test_predictions_of_both_sides_are_stored_with_what_their_quality_is_made_of():
    found = predictions_of(prepared(), report(BEFORE), report(AFTER))
    assert found["after"].change(found["before"])["difference_interval"][0] < 0
    assert set(predictions_of(prepared(), None, report(AFTER))) == {"after"}
    assert predictions_of(prepared(), None, report(None)) == {}


def test_tokens_that_spell_the_texts_are_not_stored():
    data = prepared()
    data.objective.label_names = []
    assert predictions_of(data, report(BEFORE), report(AFTER)) == {}
