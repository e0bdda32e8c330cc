import numpy as np
import pytest
import torch
import torch.nn.functional as F

from accel.objective import _choices
from accel.objective.classification import Classification, ClassScores
from accel.objective.language_modeling import IGNORED, LanguageModelling, TokenScores
from accel.objective.tagging import Tagging


def test_predictions_are_compared_as_distributions():
    ours, theirs = torch.randn(2, 5, 3, generator=torch.manual_seed(0)).double()
    expected = F.kl_div(ours.log_softmax(-1), theirs.softmax(-1), reduction="sum")
    for objective in (Classification(["x", "y", "z"]), LanguageModelling()):
        assert torch.allclose(objective.divergence(ours, theirs), expected)
        assert torch.allclose(objective.imitation(ours, theirs, 1.0), expected / 5)
        assert objective.divergence(ours, ours + 1).abs() < 1e-12  # a shift of all logits is the same distribution


def batch(*shape, choices=5):
    generator = torch.manual_seed(1)
    return torch.randn(*shape, choices, generator=generator), torch.randint(0, choices, shape, generator=generator)


def test_what_is_kept_of_labels_gives_the_metrics_again():
    logits, labels = batch(40)
    kept = Classification(list("abcde")).kept(logits, labels, np.arange(40))
    scores = ClassScores(5)
    scores.update(logits, labels)
    found = scores.compute().metrics
    assert kept.hits.mean() == pytest.approx(found["accuracy"])
    assert kept.losses.mean() == pytest.approx(found["loss"], rel=1e-5)
    assert kept.log_odds == pytest.approx(logits.log_softmax(-1).numpy(), abs=1e-6)


def test_what_is_kept_of_tokens_is_of_those_that_are_predicted():
    logits, labels = batch(3, 9)
    labels[1, 5:] = IGNORED
    kept = LanguageModelling().kept(logits, labels, np.array([7, 2, 4]))
    scores = TokenScores(50)
    scores.update(logits, labels)
    assert kept.hits.mean() == pytest.approx(scores.compute().metrics["accuracy"])
    assert kept.losses.mean() == pytest.approx(scores.compute().metrics["loss"], rel=1e-5)
    assert np.bincount(kept.examples).tolist() == [0, 0, 4, 0, 8, 0, 0, 8]


def test_words_are_kept_where_they_begin():
    logits, labels = batch(2, 6)
    labels[:, ::2] = IGNORED
    kept = Tagging(["O", "B-a", "I-a", "B-b", "I-b"]).kept(logits, labels, np.array([1, 0]))
    assert (kept.examples.tolist(), len(kept.truths)) == ([1, 1, 1, 0, 0, 0], 6)


def test_distributions_over_many_choices_are_not_kept(monkeypatch):
    monkeypatch.setattr(_choices, "MOST_KEPT", 4)
    assert LanguageModelling().kept(*batch(3, 9), np.arange(3)).log_odds is None
