from dataclasses import replace

import pytest
import torch

from accel.errors import DataError
from accel.explanation.against import of_same, shift, shift_to
from accel.explanation.attribution import Attribution, Explainer
from accel.explanation.method import method_of
from accel.objective.classification import Classification
from accel.objective.tagging import Tagging


def attribution(values, spans=None):
    spans = spans or [(0, n, n + 1) for n in range(len(values))]
    return Attribution("t", {}, ["t"], "bad", ["w"] * len(values), values, spans)


def test_the_same_explanation_has_not_changed():
    found = shift(attribution([3.0, -2.0, 1.0, 0.0]), attribution([3.0, -2.0, 1.0, 0.0]))
    assert (found.rank_correlation, found.top, found.overlap) == (pytest.approx(1), 2, 1.0)


def test_a_reversed_one_has():
    found = shift(attribution([4.0, 3.0, 2.0, 1.0]), attribution([1.0, 2.0, 3.0, 4.0]))
    assert (found.rank_correlation, found.overlap) == (pytest.approx(-1), 0.0)


def test_only_words_that_both_have_are_compared():
    other = attribution([9.0, 3.0, 2.0, 1.0], [(0, 7, 9), (0, 0, 1), (0, 1, 2), (0, 2, 3)])
    found = shift(attribution([3.0, 2.0, 1.0]), other)
    assert (found.rank_correlation, found.overlap) == (pytest.approx(1), 1.0)


def test_another_model_is_asked_the_same_number(predictor):
    one, other = predictor(seed=0), predictor(seed=1)
    explainer = Explainer(one, method_of("occlusion"))
    (found,) = explainer.explain("a rude crew")
    itself = shift_to(found, of_same(explainer, one))
    assert (itself.rank_correlation, itself.overlap) == (pytest.approx(1), 1.0)
    moved = shift_to(found, of_same(explainer, other))
    assert moved.other.target == found.attribution.target
    assert moved.other.attributions != found.attribution.attributions


def test_another_task_is_refused(predictor):
    explainer = Explainer(predictor())
    with pytest.raises(DataError, match="Give a run of the same task"):
        of_same(explainer, predictor(objective=Classification(["bad", "good", "new"])))


def test_tags_of_other_tokens_are_refused(predictor):
    explainer = Explainer(predictor(objective=Tagging(["O", "B-ORG", "I-ORG"])), method_of("occlusion"))
    (found, *_) = explainer.explain("Rome")
    shift_to(found, of_same(explainer, explainer.predictor))
    ids = {"input_ids": torch.tensor([[1]])}
    other = replace(found, question=replace(found.question, inputs={**found.question.inputs, **ids}))
    with pytest.raises(DataError, match="tokenizer makes other tokens"):
        shift_to(other, explainer)
