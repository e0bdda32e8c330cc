"""Weights by label and by group; what they do to a model that would learn the group instead of the text."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from accel.behaviour.fairness import equalized_odds_difference, right
from accel.data.balance import Balance, importance, told
from accel.objective.classification import Classification
from accel.ops.inputs import IMPORTANCE

LABELS = np.array([0] * 6 + [1] * 2)
GROUPS = ["a"] * 4 + ["b"] * 2 + ["a", "b"]


@pytest.mark.parametrize("name", ["class", "group"])
def test_the_mean_weight_is_one(name):
    found = importance(Balance[name], LABELS, GROUPS)
    assert found is not None
    assert found.mean() == pytest.approx(1, abs=1e-6)


def test_every_label_counts_as_much_as_any_other():
    found = importance(Balance["class"], LABELS, ())
    assert found is not None
    assert [found[label == LABELS].sum() for label in (0, 1)] == pytest.approx([4, 4])


def test_in_every_group_labels_count_as_in_the_whole():
    """The weights of Kamiran & Calders: expected by observed frequency."""
    found = importance(Balance["group"], LABELS, GROUPS)
    assert found is not None
    assert found.tolist() == pytest.approx([30 / 32] * 4 + [18 / 16] * 2 + [10 / 8, 6 / 8])
    for group in "ab":
        mine = np.array(GROUPS) == group
        assert found[mine & (LABELS == 1)].sum() / found[mine].sum() == pytest.approx(2 / 8)


def test_a_label_that_a_group_lacks_leaves_the_mean_at_one():
    found = importance(Balance["group"], [0, 0, 1, 1], ["a", "a", "a", "b"])
    assert found is not None
    assert found.mean() == pytest.approx(1)


def test_nothing_is_weighed_unless_it_is_asked_for():
    assert importance(Balance.none, LABELS, GROUPS) is None


def test_the_record_tells_what_each_counts():
    names = [["no", "yes"][label] for label in LABELS]
    by_group = told(importance(Balance["group"], LABELS, GROUPS), names, GROUPS)
    assert by_group[0] == {"group": "a", "label": "no", "examples": 4, "weight": 0.9375}
    assert sum(row["examples"] * row["weight"] for row in by_group) == pytest.approx(8)
    assert told(importance(Balance["class"], LABELS, ()), names)[1] == {"label": "yes", "examples": 2, "weight": 2.0}


def gap(balance):
    """(equalized-odds difference, accuracy) of a logistic regression that sees the group and a noisy signal."""
    draw = np.random.default_rng(0)
    groups = draw.random(4000) < 0.5
    labels = (draw.random(4000) < np.where(groups, 0.8, 0.2)).astype(int)
    signal = labels + draw.normal(0, 1, 4000)
    features = torch.tensor(np.stack([groups, signal, np.ones(4000)], 1), dtype=torch.float32)
    weights = torch.zeros(3, 2, requires_grad=True)
    batch = {"labels": torch.tensor(labels)}
    if (counts := importance(balance, labels, groups.astype(str))) is not None:
        batch[IMPORTANCE] = torch.tensor(counts)
    optimizer = torch.optim.LBFGS([weights], max_iter=100)

    def step():
        optimizer.zero_grad()
        loss = Classification(["no", "yes"]).loss(SimpleNamespace(logits=features @ weights), batch)["loss"]
        loss.backward()
        return loss

    optimizer.step(step)
    choices = (features @ weights).argmax(1).numpy()
    table = np.zeros((2, 2, 2))
    np.add.at(table, (groups.astype(int), labels, choices), 1)
    return float(equalized_odds_difference(table)), float(right(table.sum(0)))


def test_reweighing_by_group_closes_the_gap_and_costs_accuracy_where_the_group_did_tell():
    """Half of the gap or less, and without weights there is one; weights by class do not see groups."""
    plain, by_class, by_group = (gap(Balance[name]) for name in ("none", "class", "group"))
    assert plain[0] > 0.4
    assert by_class[0] > 0.4
    assert by_group[0] < plain[0] / 2
    assert plain[1] > by_group[1] > 0.6
