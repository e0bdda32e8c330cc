"""What says how much a single weight matters, each against its formula."""

import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.sparse.pattern import Pattern
from accel.ops.sparse.weight_masks import SCORE, attach, linears, masked
from accel.ops.sparse.weight_scores import MagnitudeWeightScorer, MovementWeightScorer, WandaWeightScorer, scorer_for


def made(*, scored=False):
    torch.manual_seed(0)
    model = TinyBert().network(Classification(["a", "b"])).train()
    attach(model, Pattern(), scored=scored)
    return model


def inputs(padding=0):
    ids = torch.randint(5, 200, (4, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.nn.functional.pad(torch.ones_like(ids), (0, padding))
    return [{"input_ids": torch.nn.functional.pad(ids, (0, padding)), "attention_mask": mask}]


def test_magnitude_is_the_weights_size():
    model = made()
    assert all(torch.equal(MagnitudeWeightScorer().scores(model)[n], m.weight.abs()) for n, m in masked(model))


def test_movement_is_minus_weight_times_gradient():
    model = made(scored=True)
    model(**inputs()[0]).logits.square().sum().backward()
    scorer = MovementWeightScorer()
    scorer.on_gradients(model)
    for name, linear in linears(model):
        assert torch.equal(scorer.scores(model)[name], -(linear.weight * linear.weight.grad))
        assert scorer.scores(model)[name] is linear.get_buffer(SCORE)


def test_wanda_is_weight_times_norm_of_input():
    model = made()
    scores = WandaWeightScorer(inputs).scores(model)
    name, linear = next(masked(model))
    x = model.eval().bert.embeddings(inputs()[0]["input_ids"])
    expected = linear.weight.abs() * x.flatten(0, 1).square().mean(0).sqrt()
    assert torch.allclose(scores[name], expected, rtol=1e-4)
    assert WandaWeightScorer.per_row


def test_wanda_counts_no_padding_and_leaves_nothing_behind():
    model = made()
    plain, padded = WandaWeightScorer(inputs).scores(model), WandaWeightScorer(lambda: inputs(7)).scores(model)
    assert all(torch.allclose(plain[name], padded[name], rtol=1e-3, atol=1e-6) for name in plain)
    assert model.training
    assert not any(m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("name", ["magnitude", "movement", "wanda"])
def test_every_word_of_the_option_has_a_scorer(name):
    assert scorer_for(name, list)
