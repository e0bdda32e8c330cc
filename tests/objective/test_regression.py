"""A number is learned standardised, and scored and answered in its own unit."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, rankdata, spearmanr
from sklearn.metrics import cohen_kappa_score, mean_absolute_error, r2_score, root_mean_squared_error

from accel.core.meta import Meta
from accel.data import Dataset, Split
from accel.objective.registry import objective_of
from accel.objective.regression import OrdinalRegression, Regression, pearson, quadratic_kappa, ranks

STARS = OrdinalRegression(("1", "2", "3", "4.5"), 2.5, 1.5)
PRICES = Regression((), 1e4, 3e3)


def data(objective, count=41):
    """Standardised logits [examples, 1], and the labels of a batch."""
    generator = np.random.default_rng(0)
    numbers = generator.choice([1.0, 2.0, 3.0, 4.5], count) if objective is STARS else generator.normal(1e4, 3e3, count)
    labels = objective.targets([{"label": n} for n in numbers.tolist()], None, None)
    return (labels + torch.from_numpy(generator.normal(0, 0.7, count)).float())[:, None], labels, numbers


def scored(objective, logits, labels, batch_size=None, order=None):
    scores = objective.scores(None)
    order = torch.arange(len(labels)) if order is None else order
    for part in order.split(batch_size or len(labels)):
        scores.update(logits[part], labels[part])
    return scores.compute()


@pytest.mark.parametrize("objective", [PRICES, STARS], ids=lambda o: o.name)
def test_the_metrics_are_those_of_scipy_and_scikit_learn(objective):
    logits, labels, true = data(objective)
    found = scored(objective, logits, labels).metrics
    answers = [objective.answer(row, None)["number"] for row in logits]
    assert found["spearman"] == pytest.approx(spearmanr(answers, true).statistic, abs=1e-9)
    assert found["pearson"] == pytest.approx(pearsonr(answers, true).statistic, abs=1e-6)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(true, answers), rel=1e-5)
    assert found["mae"] == pytest.approx(mean_absolute_error(true, answers), rel=1e-5)
    assert found["r2"] == pytest.approx(r2_score(true, answers), abs=1e-5)
    assert found["loss"] == pytest.approx((found["rmse"] / objective.std) ** 2, rel=1e-6)
    assert [m.key for m in objective.metrics] == list(found)


def test_the_kappa_is_that_of_the_answered_levels():
    logits, labels, true = data(STARS)
    found = scored(STARS, logits, labels)
    answers = [STARS.answer(row, None)["level"] for row in logits]
    numbers = [STARS.label_names.index(f"{level:g}") for level in answers]
    expected = cohen_kappa_score([STARS.label_names.index(f"{t:g}") for t in true], numbers, weights="quadratic")
    assert found.metrics["quadratic_kappa"] == pytest.approx(expected, abs=1e-12)
    assert 0.2 < expected < 0.95
    assert sum(map(sum, found.confusion_matrix)) == 41
    assert sum(row[i] for i, row in enumerate(found.confusion_matrix)) == sum(np.array(answers) == true)


@pytest.mark.parametrize("objective", [PRICES, STARS], ids=lambda o: o.name)
def test_scores_do_not_depend_on_batches_or_order(objective):
    logits, labels, _ = data(objective)
    whole = scored(objective, logits, labels).metrics
    for batch_size in (1, 5):
        mixed = torch.randperm(41, generator=torch.Generator().manual_seed(1))
        assert scored(objective, logits, labels, batch_size, mixed).metrics == pytest.approx(whole, abs=1e-12)


def test_what_is_always_the_same_has_no_correlation():
    """Negative control: rounding leaves a spread of 1e-16 to divide by."""
    same = torch.full((7,), 0.1, dtype=torch.float64)
    other = torch.arange(7.0, dtype=torch.float64)
    assert pearson(same, other) == pearson(other, same) == 0.0
    assert quadratic_kappa(same.long(), same.long()) == 0.0
    assert pearson(other, other) == pytest.approx(1.0)


def test_equal_values_share_their_ranks():
    values = torch.tensor([3.0, 1.0, 3.0, 2.0, 1.0, 1.0])
    assert ranks(values).tolist() == rankdata(values).tolist()


def test_the_loss_is_a_loop_over_examples():
    logits, labels, numbers = data(PRICES)
    outputs = SimpleNamespace(logits=logits.double())
    each = [(float(row) - (n - 1e4) / 3e3) ** 2 for row, n in zip(logits, numbers, strict=True)]
    assert float(PRICES.loss(outputs, {"labels": labels})["loss"]) == pytest.approx(np.mean(each), rel=1e-6)
    assert PRICES.counts(np.array([3, 9])).tolist() == [1, 1]


def test_an_answer_is_in_the_unit_of_the_data():
    assert PRICES.answer(torch.tensor([-1.5]), None) == {"number": pytest.approx(5500)}
    assert STARS.answer(torch.tensor([0.1]), None) == {"level": 3, "number": pytest.approx(2.65)}
    assert STARS.answer(torch.tensor([9.0]), None)["level"] == 4.5
    assert STARS.answer(torch.tensor([-9.0]), None)["level"] == 1
    assert STARS.explained(torch.tensor([0.1]), None) == (0,)
    assert STARS.to_explain((), torch.tensor([0.1]), None, ()) == [("number", (0,))]


@pytest.mark.parametrize("objective", [PRICES, STARS], ids=lambda o: o.name)
def test_the_scale_goes_with_the_model(objective):
    meta = Meta(max_length=8, **objective.artifact_facts())
    assert objective_of(meta) == objective
    with pytest.raises(Exception, match=r"does not say what a model of .*regression must know"):
        objective_of(replace(meta, answering={}))


def test_a_teacher_on_another_scale_is_none():
    assert PRICES.may_imitate(Regression((), 1e4, 3e3))
    assert not PRICES.may_imitate(Regression((), 9e3, 3e3))
    ours, theirs = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [4.0]])
    assert float(PRICES.imitation(ours, theirs, 2.0)) == 2.0
    assert float(PRICES.divergence(ours, theirs)) == 4.0


def test_the_nearer_the_surer():
    sure = PRICES.margins(torch.tensor([[0.0], [0.0]]), [1e4, 1.3e4])
    assert sure.tolist() == [0.0, -1.0]


def test_always_the_mean_of_training_is_told_beside():
    train, test = Split([("a",), ("b",)], [1.0, 3.0]), Split([("c",), ("d",)], [2.0, 5.0])
    objective = Regression((), 0.0, 10.0)
    (guess,) = objective.baselines(Dataset(train, test, test, [], ""))
    assert guess["name"] == "always the mean of training"
    assert guess["metrics"]["rmse"] == pytest.approx(4.5**0.5)
    assert guess["metrics"]["mae"] == pytest.approx(1.5)
    assert guess["metrics"]["spearman"] == guess["metrics"]["pearson"] == 0.0
    facts = objective.data_facts(Dataset(train, test, test, [], ""))
    assert facts["targets"] == {"mean": 0.0, "std": 10.0, "min": 1.0, "max": 3.0}


def test_predictions_are_kept_in_the_unit_of_the_data():
    was = PRICES.kept(torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, 0.5]), np.arange(2))
    now = PRICES.kept(torch.tensor([[0.5], [1.0]]), torch.tensor([0.0, 0.5]), np.arange(2))
    assert was.truths.tolist() == [1e4, 1.15e4]
    assert now.own() == {"bias": 1500.0}
    found = now.change(was)
    assert (found["mean_abs_change"], found["max_abs_change"]) == (750.0, 1500.0)
    assert (found["farther_from_truth"], found["nearer_to_truth"]) == (1, 0)
    assert PRICES.keeps is type(was)
