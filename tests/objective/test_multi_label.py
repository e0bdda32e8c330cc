"""Several labels at once: unknown ones count nowhere, and each is decided by its own threshold."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_recall_curve

from accel.core.meta import Meta
from accel.data import Dataset, Split
from accel.errors import DataError
from accel.objective.multi_label import UNKNOWN, MultiLabel, average_precision, best_threshold
from accel.objective.registry import objective_of

NAMES = ["bug", "ui", "slow"]
OBJECTIVE = MultiLabel(NAMES, (0.3, 0.5, 0.7))


def data(count=53, unknown=0.0):
    generator = np.random.default_rng(0)
    true = generator.random((count, 3)) < (0.5, 0.3, 0.15)
    logits = torch.from_numpy(generator.normal(0, 1.5, (count, 3)) + true).float()
    known = generator.random((count, 3)) >= unknown
    known[:, 0] |= ~known.any(1)
    labels = [[float(t) if k else None for t, k in zip(*row, strict=True)] for row in zip(true, known, strict=True)]
    return logits, OBJECTIVE.targets([{"label": row} for row in labels], None, None), true, known


def scored(logits, labels, batch_size=None, order=None):
    scores = OBJECTIVE.scores(None)
    order = torch.arange(len(labels)) if order is None else order
    for part in order.split(batch_size or len(labels)):
        scores.update(logits[part], labels[part])
    return scores.compute()


def test_the_metrics_are_those_of_scikit_learn():
    logits, labels, true, _ = data()
    odds = logits.double().sigmoid().numpy()
    found = odds >= np.array([0.3, 0.5, 0.7])
    report = scored(logits, labels)
    assert report.metrics["macro_f1"] == pytest.approx(f1_score(true, found, average="macro"))
    assert report.metrics["micro_f1"] == pytest.approx(f1_score(true, found, average="micro"))
    assert report.metrics["map"] == pytest.approx(average_precision_score(true, odds, average="macro"))
    assert report.metrics["exact_match"] == pytest.approx(accuracy_score(true, found))
    expected = F.binary_cross_entropy_with_logits(logits.double(), torch.from_numpy(true).double())
    assert report.metrics["loss"] == pytest.approx(float(expected))
    assert [c["f1"] for c in report.classes] == pytest.approx(f1_score(true, found, average=None).tolist())
    assert [c["support"] for c in report.classes] == true.sum(0).tolist()
    assert [m.key for m in OBJECTIVE.metrics] == list(report.metrics)


def test_equal_odds_are_one_step_of_the_average_precision():
    true = torch.tensor([True, False, True, False, False])
    odds = torch.tensor([0.5, 0.5, 0.2, 0.5, 0.1]).double()
    assert average_precision(odds, true) == pytest.approx(average_precision_score(true, odds))


def test_what_nobody_knows_counts_nowhere():
    """As scikit-learn on each label's known examples; and whatever the network says of the others."""
    logits, labels, true, known = data(unknown=0.4)
    report = scored(logits, labels)
    odds = logits.double().sigmoid().numpy()
    for i, least in enumerate((0.3, 0.5, 0.7)):
        mine = known[:, i]
        assert report.classes[i]["f1"] == pytest.approx(f1_score(true[mine, i], odds[mine, i] >= least))
    other = torch.where(labels == UNKNOWN, -logits - 3, logits)
    assert scored(other, labels).metrics == report.metrics
    ours, theirs = (OBJECTIVE.loss(SimpleNamespace(logits=x), {"labels": labels})["loss"] for x in (logits, other))
    assert ours == theirs


@pytest.mark.parametrize("batch_size", [1, 7])
def test_scores_do_not_depend_on_batches_or_order(batch_size):
    logits, labels, _, _ = data(unknown=0.2)
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    assert scored(logits, labels, batch_size, mixed).metrics == pytest.approx(scored(logits, labels).metrics, abs=1e-12)


def test_the_loss_is_a_loop_over_examples():
    """Each example has a loss of its own, whatever others know: what a private step bounds."""
    logits, labels, _, _ = data(unknown=0.4)
    each = []
    for row, targets in zip(logits.double(), labels.double(), strict=True):
        terms = [F.binary_cross_entropy_with_logits(x, y) for x, y in zip(row, targets, strict=True) if y != UNKNOWN]
        each.append(float(sum(terms) / len(terms)))
    found = OBJECTIVE.loss(SimpleNamespace(logits=logits.double()), {"labels": labels})["loss"]
    assert float(found) == pytest.approx(np.mean(each), abs=1e-12)


def test_each_threshold_has_the_best_f1_of_its_label():
    logits, labels, true, known = data(400, unknown=0.2)
    objective = MultiLabel(NAMES)
    assert not objective.is_fitted
    assert objective.answering() == {}
    fitted = objective.fitted(logits.double(), labels.double())
    assert fitted.is_fitted
    odds = logits.double().sigmoid().numpy()
    for i, least in enumerate(fitted.thresholds):
        y, p = true[known[:, i], i], odds[known[:, i], i]
        precision, recall, _ = precision_recall_curve(y, p)
        best = np.nanmax(2 * precision * recall / np.maximum(precision + recall, 1e-9))
        assert f1_score(y, p >= least) == pytest.approx(best)
        assert np.abs(p - least).min() > 1e-7  # none lies on the edge, where a file may round it to the other side
    assert len(set(fitted.thresholds)) == 3
    assert scored(logits, labels).metrics["macro_f1"] < _scored_by(fitted, logits, labels)


def _scored_by(objective, logits, labels):
    scores = objective.scores(None)
    scores.update(logits, labels)
    return scores.compute().metrics["macro_f1"]


def test_where_nothing_speaks_against_it_a_half_is_the_threshold():
    odds = torch.tensor([0.9, 0.8, 0.2]).double()
    assert best_threshold(odds, torch.tensor([False, False, False])) == 0.5
    assert best_threshold(odds, torch.tensor([True, True, False])) == 0.5
    assert best_threshold(odds, torch.tensor([True, True, True])) == pytest.approx(0.1)
    assert best_threshold(odds, torch.tensor([True, False, False])) == pytest.approx(0.85)
    assert best_threshold(odds[:0], torch.tensor([], dtype=torch.bool)) == 0.5


def test_an_answer_names_what_is_above_its_own_threshold():
    logits = torch.tensor([0.4, 0.5, 0.6]).logit()
    answer = OBJECTIVE.answer(logits, None)
    assert answer["labels"] == ["ui", "bug"]
    assert answer["scores"] == pytest.approx(dict(zip(NAMES, (0.4, 0.5, 0.6), strict=True)))
    assert OBJECTIVE.explained(logits, None) == (2,)
    assert OBJECTIVE.to_explain((), logits, None, ()) == [("ui", (1,)), ("bug", (0,))]
    assert OBJECTIVE.to_explain((), logits, None, (), ["slow"]) == [("slow", (2,))]
    assert OBJECTIVE.to_explain((), logits - 9, None, ()) == [("slow", (2,))]  # none holds: the likeliest
    assert MultiLabel(["bug"], (0.0,)).to_explain((), logits[:1], None, ()) == [("bug", (0,))]
    with pytest.raises(DataError, match="no label 'slo'. Did you mean 'slow'"):
        OBJECTIVE.to_explain((), logits, None, (), ["slo"])


def test_the_thresholds_go_with_the_model():
    meta = Meta(max_length=8, **OBJECTIVE.artifact_facts())
    assert objective_of(meta) == OBJECTIVE
    for broken in ({}, {"thresholds": [0.5]}, {"thresholds": "half"}):
        with pytest.raises(DataError, match="does not say what a model of multi-label classification must know"):
            objective_of(replace(meta, answering=broken))


def test_a_student_imitates_each_label_by_itself():
    ours, theirs = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0)).double()
    odds, other = theirs.sigmoid(), ours.sigmoid()
    expected = odds * (odds / other).log() + (1 - odds) * ((1 - odds) / (1 - other)).log()
    assert torch.allclose(OBJECTIVE.imitation(ours, theirs, 1.0), expected.mean())
    assert torch.allclose(OBJECTIVE.divergence(ours, theirs), expected.sum())
    assert float(OBJECTIVE.imitation(ours, ours, 2.0)) == 0.0
    shifted = OBJECTIVE.imitation(ours + 1, ours, 1.0)
    assert float(shifted) > 0  # a softmax would not see it


def test_margins_are_of_the_known_labels():
    logits = torch.tensor([[2.0, -1.0, 5.0]])
    assert OBJECTIVE.margins(logits, [[1.0, 0.0, None]]).tolist() == [1.5]


def test_every_label_for_every_text_is_told_beside_and_labels_are_counted():
    split = Split([("a",), ("b",)], [[1.0, 0.0, None], [0.0, 0.0, 1.0]])
    dataset = Dataset(split, split, split, NAMES, "")
    (guess,) = OBJECTIVE.baselines(dataset)
    assert guess["name"] == "always every label"
    assert guess["metrics"] == pytest.approx({"macro_f1": 5 / 9, "micro_f1": 4 / 7, "map": 0.75, "exact_match": 0.0})
    assert OBJECTIVE.data_facts(dataset)["label_counts"]["train"] == [1, 0, 1]
