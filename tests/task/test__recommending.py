"""What tasks of histories and items have in common."""

import pytest

from accel.core.metric import OF_RECOMMENDATION
from accel.objective.recommendation import Recommendation
from accel.task.movielens import Movielens


def test_its_metrics_are_known_without_the_objective_and_are_its_own():
    assert Movielens().metrics() == OF_RECOMMENDATION == Recommendation.metrics
    assert Movielens().predicts() is Recommendation
    assert Movielens(max_length=31).max_tokens() == 31


def test_a_task_that_predicts_something_else_has_other_metrics():
    class Own(Movielens):
        def predicts(self):
            return Other

    class Other(Recommendation):
        name = "recommendation of the test"
        metrics = OF_RECOMMENDATION[:1]

    assert Own().metrics() == OF_RECOMMENDATION[:1]


@pytest.mark.parametrize("setting", ["history", "pairs_per_user", "max_length"])
def test_a_size_has_a_least_value(setting):
    from accel.config.compose import compose
    from accel.plan.decide import decide

    plan = decide(compose(["task=movielens", "model=tiny_bert"]))
    assert not list(Movielens().objections(plan))
    (found,) = Movielens(**{setting: 0}).objections(plan)
    assert "at least" in found.because
