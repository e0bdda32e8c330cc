from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from accel.objective.classification import ClassScores
from accel.run.score import scorer


def test_a_scorer_scores_the_whole_test_split(tiny_run):
    from accel.config.compose import compose
    from accel.data.prepared import prepare
    from accel.plan.decide import decide

    plan = decide(compose(tiny_run))
    data = prepare(plan.task.load(0), plan)
    report = scorer(data)(plan.model.network(data.objective))
    assert sum(map(sum, report.confusion_matrix)) == len(data.test)
    assert report.kept.truths.tolist() == data.test.labels  # in the order of the split
    assert report.kept.hits.mean() == pytest.approx(report.metrics["accuracy"])


class Ones(nn.Module):
    """Answers the second label, always."""

    def forward(self, x):
        assert not self.training
        return SimpleNamespace(logits=torch.tensor([0.0, 1.0]).expand(len(x), 2))


def batches(*labels):
    return lambda: iter([{"x": torch.zeros(len(labels), 1), "labels": torch.tensor(labels)}])


@pytest.mark.parametrize(("validation", "accuracy"), [(False, 0.25), (True, 1.0)])
def test_the_split_that_is_asked_for_is_scored(validation, accuracy):
    asked = []
    objective = SimpleNamespace(
        is_fitted=True, keeps=None, scores=lambda split: asked.append(split) or ClassScores(2),
        examined=lambda report, model, split, collator: replace(report, metrics={**report.metrics, "seen": split}),
    )  # fmt: skip
    data = SimpleNamespace(
        objective=objective, test="test", validation="validation", collator=lambda: None,
        test_batches=batches(0, 1, 0, 0), validation_batches=batches(1, 1),
    )  # fmt: skip
    found = scorer(data, validation=validation)(Ones()).metrics
    assert found["accuracy"] == accuracy
    assert asked == [found["seen"]] == ["validation" if validation else "test"]
