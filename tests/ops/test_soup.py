"""Greedy means of models, with scores that a plain function gives."""

import pytest
import torch

from accel.errors import NoEffectError
from accel.ops.soup import greedy_soup, mean_of


def one(*values):
    return {"weight": torch.tensor(values)}


def test_the_mean_of_tensors_and_of_one_model_is_itself():
    models = [{"a": torch.randn(3, 4), "b": torch.randn(5)} for _ in range(3)]
    found = mean_of(models)
    for name in ("a", "b"):
        assert torch.equal(found[name], (sum(m[name].double() for m in models) / 3).float())
        assert torch.equal(mean_of(models[:1])[name], models[0][name])


@pytest.mark.parametrize("target", [0.0, 0.4, 2.0, -3.0])
def test_a_soup_is_never_worse_than_its_best_part(target):
    """The score is the distance to a target; what does not come nearer to it is left out."""
    score = lambda weights: -abs(float(weights["weight"]) - target)  # noqa: E731
    models = sorted((one(v) for v in (1.0, -1.0, 0.9, 5.0, 0.3)), key=score, reverse=True)
    weights, taken, best = greedy_soup(models, score(models[0]), score)
    assert best == score(weights) >= score(models[0])
    assert torch.equal(weights["weight"], mean_of([models[i] for i in taken])["weight"])
    for number in set(range(len(models))) - set(taken):
        before = [models[i] for i in taken if i < number]
        assert score(mean_of([*before, models[number]])) < score(mean_of(before))


def test_what_makes_nothing_worse_is_added():
    assert greedy_soup([one(1.0), one(3.0)], 0.0, lambda weights: 0.0)[1] == [0, 1]


@pytest.mark.parametrize("other", [{"weight": torch.zeros(2)}, {"another": torch.zeros(1)}])
def test_models_of_two_forms_have_no_mean(other):
    with pytest.raises(NoEffectError, match="no mean: (weight|another) differs"):
        mean_of([one(1.0), other])
