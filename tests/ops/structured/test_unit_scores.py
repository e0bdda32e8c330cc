"""Scores of heads and channels: by gradients, by the weights, and by activations on a public text."""

import pytest
import torch

from accel.compression.prune import Score
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.structured.structure import find_blocks, mask_units
from accel.ops.structured.unit_masks import attach, scores_of
from accel.ops.structured.unit_scores import (
    DAMPING,
    ActivationScorer,
    FirstOrderScorer,
    MagnitudeUnitScorer,
    MovementUnitScorer,
    ReconstructionScorer,
    irreplaceable,
    scorer_for,
)

MODELS = [TinyBert, TinyGpt2, TinyT5, TinyLlama]


def made(option):
    torch.manual_seed(0)
    model = option().network(Classification(["a", "b"])).train()
    attach(model)
    blocks = find_blocks(model)
    return model, blocks, scores_of(model, blocks)


def batches(model):
    torch.manual_seed(1)
    ids = torch.randint(5, 200, (8, 12))
    ids[:, -1] = model.config.eos_token_id or 1
    return [{"input_ids": ids, "attention_mask": torch.ones_like(ids)}]


@pytest.mark.parametrize("option", MODELS)
def test_a_unit_without_weights_scores_zero(option):
    model, blocks, scores = made(option)
    for block in blocks:
        keep = torch.ones(block.num_units, dtype=torch.bool)
        keep[1] = False
        mask_units(model, block, keep)
    listening = [kind(lambda: batches(model)) for kind in (ActivationScorer, ReconstructionScorer)]
    for scorer in (MagnitudeUnitScorer(), *listening):
        scorer.on_start(model, blocks, scores)
        scorer.on_choice(model, blocks, scores)
        for block in blocks:
            assert scores[block.name][1] == 0
            assert (scores[block.name] > 0).sum() == block.num_units - 1


@pytest.mark.parametrize("option", MODELS)
def test_activations_tell_what_removing_a_unit_changes(option):
    """The score of a unit is the mean square of what its layer's output loses without it."""
    model, blocks, scores = made(option)
    ActivationScorer(lambda: batches(model)).on_start(model, blocks, scores)
    block = blocks[-1]
    output = model.get_submodule(block.output)
    seen = []
    handle = output.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    model.eval()(**batches(model)[0])
    handle.remove()
    columns = slice(2 * block.unit_width, 3 * block.unit_width)
    x = seen[0].flatten(0, -2)[:, columns]
    weight = output.weight[:, columns]
    expected = (x.square().mean(0) * weight.square().sum(0)).sum()
    assert torch.allclose(scores[block.name][2], expected, rtol=1e-4)


def test_padding_is_not_counted():
    model, blocks, scores = made(TinyBert)
    (batch,) = batches(model)
    ActivationScorer(lambda: [batch]).on_start(model, blocks, scores)
    plain = {name: s.clone() for name, s in scores.items()}
    ids = torch.nn.functional.pad(batch["input_ids"], (0, 6))
    padded = {"input_ids": ids, "attention_mask": (torch.arange(18) < 12).long().expand(8, -1)}
    ActivationScorer(lambda: [padded]).on_start(model, blocks, scores)
    for name, score in scores.items():
        assert torch.allclose(score, plain[name], rtol=1e-4, atol=1e-7)


def test_scoring_leaves_the_model_in_train_mode_and_without_hooks():
    model, blocks, scores = made(TinyBert)
    ActivationScorer(lambda: batches(model)).on_start(model, blocks, scores)
    assert model.training
    assert not any(m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("option", MODELS)
def test_reconstruction_is_what_least_squares_leaves(option):
    """The others' columns make up for a unit's as well as they can; damping is what a few more rows would be."""
    model, blocks, scores = made(option)
    ReconstructionScorer(lambda: batches(model)).on_choice(model, blocks, scores)
    block = blocks[-1]
    output = model.get_submodule(block.output)
    seen = []
    handle = output.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    model.eval()(**batches(model)[0])
    handle.remove()
    x = seen[0].flatten(0, -2).double()
    rows = (DAMPING * x.square().mean()).sqrt() * torch.eye(x.shape[1], dtype=torch.float64)
    x = torch.cat([x / len(x) ** 0.5, rows])
    unit = (torch.arange(x.shape[1]) // block.unit_width) == 2
    said = x[:, unit] @ output.weight[:, unit].detach().double().T
    made_up = x[:, ~unit] @ torch.linalg.lstsq(x[:, ~unit], said).solution
    assert float(scores[block.name][2]) == pytest.approx(float((said - made_up).square().sum()), rel=1e-3)


def test_of_two_that_say_the_same_either_can_go():
    torch.manual_seed(0)
    x, weight = torch.randn(1000, 8, dtype=torch.float64), torch.randn(6, 8, dtype=torch.float64)
    x[:, 2:4] = x[:, 0:2]
    score = irreplaceable(weight, x.T @ x / len(x), 4)
    loud = (x.square().mean(0) * weight.square().sum(0)).view(4, 2).sum(1)
    assert (score / loud)[:2].max() < 3 * DAMPING < 0.9 < (score / loud)[2:].min()
    weight[:, 2:4] = 0  # the other one has gone
    assert (irreplaceable(weight, x.T @ x / len(x), 4) / loud)[0] > 0.9


def stepped(option, scorer):
    """Scores after one backward pass; how fast every unit's output weights grow in a small step of gradient descent."""
    model, blocks, scores = made(option)
    (batch,) = batches(model)
    model(**batch).logits.square().sum().backward()
    scorer.on_gradients(model, blocks, scores)
    rate, growth = 1e-7, {}
    for block in blocks:
        weight = model.get_submodule(block.output).weight
        before, after = weight.detach().double(), weight.detach().double() - rate * weight.grad.double()
        grown = (after.square() - before.square()).sum(0).view(block.num_units, -1).sum(1)
        growth[block.name] = (grown / (2 * rate)).float()
    return scores, growth


@pytest.mark.parametrize("option", MODELS)
def test_movement_is_how_much_a_step_of_descent_makes_a_unit_grow(option):
    scores, growth = stepped(option, MovementUnitScorer())
    for name, score in scores.items():
        scale = growth[name].abs().max()
        assert torch.allclose(score, growth[name], atol=1e-3 * float(scale))
    every = torch.cat(list(scores.values()))
    assert (every > 0).any()
    assert (every < 0).any()  # what tells it from first_order


def test_first_order_is_the_square_of_movement():
    moved, _ = stepped(TinyBert, MovementUnitScorer())
    changed, _ = stepped(TinyBert, FirstOrderScorer())
    for name, score in moved.items():
        assert torch.allclose(changed[name], score.square())


@pytest.mark.parametrize("name", [score.name for score in Score])
def test_every_word_of_the_option_has_a_scorer(name):
    assert scorer_for(name, list)
