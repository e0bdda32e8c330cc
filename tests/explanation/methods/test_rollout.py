import pytest
import torch

from accel.errors import DataError
from accel.explanation.attribution import Explainer
from accel.explanation.methods.rollout import Rollout, rolled_out
from accel.model.tiny_gpt2 import TinyGpt2


def test_two_layers_by_hand():
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    look = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    half = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    assert torch.equal(rolled_out([swap]), half)
    assert torch.equal(rolled_out([swap, look]), torch.tensor([[0.5, 0.5], [0.5, 0.5]]))
    assert torch.equal(rolled_out([look, swap]), torch.tensor([[0.25, 0.75], [0.25, 0.75]]))


@pytest.mark.parametrize("prompt", [0, 3])
def test_words_have_shares_of_what_is_carried(predictor, prompt):
    (found,) = Explainer(predictor(prompt=prompt), Rollout())(["a rude crew"])
    assert min(found.attributions) > 0
    assert 0 < sum(found.attributions) + (found.prompt or 0) < 1  # special tokens have the rest


def test_a_causal_model_is_read_at_its_last_token(predictor):
    """Its first token attends to itself alone, so that nothing of the words would be there."""
    (found,) = Explainer(predictor(TinyGpt2), Rollout())(["a rude crew"])
    assert min(found.attributions) > 0


def test_models_compute_as_before_afterwards(predictor):
    one = predictor()
    kept = one.model.config._attn_implementation
    Explainer(one, Rollout())(["a rude crew"])
    assert one.model.config._attn_implementation == kept != "eager"


def test_an_architecture_that_tells_no_attention_is_refused(predictor, monkeypatch):
    one = predictor()
    explainer = Explainer(one, Rollout())

    def silent(**inputs):
        raise TypeError("unexpected keyword output_attentions")

    (found,) = explainer.explain("x")
    monkeypatch.setattr(explainer.network.model, "forward", silent)
    with pytest.raises(DataError, match="--method integrated_gradients"):
        Rollout()(found.question)
