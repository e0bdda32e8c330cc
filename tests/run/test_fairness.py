from types import SimpleNamespace

import numpy as np

from accel.behaviour.numbers import Numbers
from accel.behaviour.places import Places
from accel.core.metric import ACCURACY
from accel.objective.scores import Report
from accel.run.fairness import fairness_of
from tests.behaviour.test_fairness import TABLE, rows

VALUES, AFTER = rows(TABLE)


def prepared(**strata):
    return SimpleNamespace(
        objective=SimpleNamespace(label_names=["no", "yes"], quality=ACCURACY), test=SimpleNamespace(strata=strata)
    )


def test_the_first_column_stands_first_and_the_others_below_it():
    found = fairness_of(prepared(g=VALUES, city=["x"] * 199 + ["y"]), None, Report({}, kept=AFTER), private=False)
    assert found is not None
    assert (found["group"], list(found["groups"]), found["worst_group"]) == ("g", ["a", "b"], "b")
    (city,) = found["others"]
    assert (city["group"], city["merged"]) == ("city", {"y": 1})


def test_the_names_of_small_groups_are_not_told_under_privacy():
    found = fairness_of(prepared(city=["x"] * 199 + ["Ann Lee"]), None, Report({}, kept=AFTER), private=True)
    assert found is not None
    assert found["merged"] == {"1 groups": 1}
    assert "Ann Lee" not in str(found)
    found = fairness_of(prepared(g=VALUES), None, Report({}, kept=AFTER), private=True)
    assert found is not None
    assert found["merged"] == {}


def test_no_column_no_figures():
    assert fairness_of(prepared(), None, Report({}, kept=AFTER), private=False) is None
    assert fairness_of(prepared(g=VALUES), None, Report({}), private=False) is None


def test_predictions_that_are_no_choices_are_compared_by_their_scores():
    numbers = Report({}, kept=Numbers(AFTER.examples, AFTER.truths, AFTER.choices))
    found = fairness_of(prepared(g=VALUES), None, numbers, private=False)
    assert found is not None
    assert [score["key"] for score in found["scores"]] == ["mae", "bias"]


def test_examples_that_nobody_is_asked_about_are_in_no_group():
    """As the items behind the users that a recommender ranks for."""
    places = Places(np.arange(100), np.zeros(100), np.ones(100), np.ones(100), np.zeros((100, 10)))
    found = fairness_of(
        prepared(g=["f"] * 60 + ["m"] * 40 + ["(missing)"] * 50), None, Report({}, kept=places), private=False
    )
    assert found is not None
    assert {name: own["examples"] for name, own in found["groups"].items()} == {"f": 60, "m": 40}
