import pytest
import torch

from accel.explanation.attribution import Explainer
from accel.explanation.methods.occlusion import Occlusion


def test_a_word_has_what_the_logit_loses_without_it(predictor):
    one = predictor()
    (found,) = Explainer(one, Occlusion()).explain("a rude crew")
    asked = found.question
    for word, value in enumerate(found.attribution.attributions):
        hidden = torch.where((asked.owners == word)[:, None], asked.empty, asked.text)
        expected = asked.logits(asked.text[None]) - asked.logits(hidden[None])
        assert value == pytest.approx(float(expected), abs=1e-5)


def test_what_no_answer_depends_on_has_nothing(predictor):
    """Known answer: a head that reads nothing."""
    one = predictor()
    with torch.no_grad():
        one.model.classifier.weight.zero_()
    (found,) = Explainer(one, Occlusion())(["a rude crew"])
    assert found.attributions == [0.0] * 3


def test_captum_says_the_same(predictor):
    captum = pytest.importorskip("captum.attr")
    (found,) = Explainer(predictor(), Occlusion()).explain("a rude crew")
    asked = found.question
    mask = (asked.owners + 1)[None, :, None].expand(1, *asked.text.shape)
    theirs = captum.FeatureAblation(asked.logits).attribute(asked.text[None], asked.empty[None], feature_mask=mask)
    expected = [float(theirs[0][asked.owners == word][0, 0]) for word in range(asked.num_words)]
    assert found.attribution.attributions == pytest.approx(expected, abs=1e-6)
