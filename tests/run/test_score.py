""""""

from __future__ import annotations

from accel.run.score import scorer


def test_a_scorer_scores_the_whole_test_split(tiny_run):
    from accel.config.compose import compose
    from accel.data.prepared import prepare
    from accel.plan.decide import decide

    plan = decide(compose(tiny_run))
    data = prepare(plan.task.load(0), plan)
    report = scorer(data)(plan.model.network(data.objective))
    assert sum(map(sum, report.confusion_matrix)) == len(data.test)
