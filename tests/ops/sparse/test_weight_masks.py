import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.sparse import weight_masks
from accel.ops.sparse.pattern import Pattern
from accel.ops.sparse.weight_masks import KEEP, SCORE, choose, linears
from accel.ops.sparse.weight_scores import MagnitudeWeightScorer

ROW = torch.tensor([[4.0, 1.0, 3.0, 2.0, 8.0, 7.0, 6.0, 5.0]])


@pytest.mark.parametrize(
    ("fraction", "pattern", "kept"),
    [
        (0.0, "unstructured", [1, 1, 1, 1, 1, 1, 1, 1]),
        (0.5, "unstructured", [0, 0, 0, 0, 1, 1, 1, 1]),
        (0.5, "2:4", [1, 0, 1, 0, 1, 1, 0, 0]),
        (0.25, "3:4", [1, 0, 1, 1, 1, 1, 1, 0]),
        (0.3, "2:4", [1, 0, 1, 1, 1, 1, 1, 0]),
        (0.5, "1x2", [0, 0, 0, 0, 1, 1, 1, 1]),
        (0.25, "1x2", [1, 1, 0, 0, 1, 1, 1, 1]),
    ],
)
def test_the_lowest_of_each_group_go(fraction, pattern, kept):
    found = choose(ROW, torch.ones_like(ROW, dtype=torch.bool), fraction, Pattern.parse(pattern))
    assert found.int().tolist() == [kept]


def test_tiles_go_as_one():
    scores = torch.tensor([[1.0, 1, 9, 0], [1, 1, 0, 0], [0, 5, 2, 2], [5, 5, 2, 2]])
    kept = choose(scores, torch.ones_like(scores, dtype=torch.bool), 0.5, Pattern(rows=2, columns=2))
    assert kept.int().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]


def test_row_by_row_every_row_loses_as_many():
    scores = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    everything = torch.ones_like(scores, dtype=torch.bool)
    assert choose(scores, everything, 0.5, Pattern(), per_row=True).int().tolist() == [[0, 0, 1, 1]] * 2
    assert choose(scores, everything, 0.5, Pattern()).int().tolist() == [[0] * 4, [1] * 4]


def test_what_is_gone_stays_gone():
    keep = torch.tensor([[False] + [True] * 7])
    chosen = choose(ROW, keep, 0.25, Pattern())
    assert chosen.int().tolist() == [[0, 0, 1, 1, 1, 1, 1, 1]]


def model_with_masks(pattern="unstructured", *, scored=False):
    model = TinyBert().network(Classification(["a", "b"]))
    weight_masks.attach(model, Pattern.parse(pattern), scored=scored)
    return model


def halve(model):
    weight_masks.update(model, MagnitudeWeightScorer().scores(model), 0.5, Pattern())
    weight_masks.apply(model)


def test_embeddings_and_the_head_stay_whole():
    model = model_with_masks()
    assert sum(hasattr(m, KEEP) for m in model.modules()) == sum(1 for _ in linears(model)) == 12
    assert not hasattr(model.classifier, KEEP)


def test_layers_that_do_not_divide_are_counted():
    found = weight_masks.figures(model_with_masks("6:7"))
    assert found == {"masked_layers": 0, "unmasked_layers": 12, "masked_fraction": 0.0}


def test_a_mask_that_was_not_held_is_noticed():
    model = model_with_masks()
    halve(model)
    assert weight_masks.figures(model)["masked_fraction"] == pytest.approx(0.5, abs=1e-3)
    with torch.no_grad():
        next(linears(model))[1].weight.add_(0.1)
    with pytest.raises(RuntimeError, match="masked weights are not zero"):
        weight_masks.figures(model)


def test_detached_nothing_of_them_is_left():
    model = weight_masks.detach(model_with_masks(scored=True))
    assert not [name for name, _ in model.named_buffers() if name.endswith((KEEP, SCORE))]


def steps(make_optimizer, *, hold):
    """Five steps of an optimizer that had moved every weight before half of them were masked."""
    torch.manual_seed(0)
    model = model_with_masks()
    optimizer = make_optimizer([p for p in model.parameters() if p.ndim >= 2])
    ids = torch.randint(5, 200, (2, 8))
    for step in range(6):
        optimizer.zero_grad()
        model(input_ids=ids).logits.square().sum().backward()
        optimizer.step()
        if step == 2:
            halve(model)
        if hold and step > 2:
            weight_masks.apply(model)
    return model


OPTIMIZERS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.9),
    "adafactor": lambda p: torch.optim.Adafactor(p, lr=1e-2),
}


@pytest.mark.fault("N7")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zeros_hold_through_every_optimizer(name):
    found = weight_masks.figures(steps(OPTIMIZERS[name], hold=True))
    assert found["masked_fraction"] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_being_held_momentum_moves_them(name):
    """Negative control: the silent failure itself, and that it is caught."""
    with pytest.raises(RuntimeError, match="masked weights are not zero"):
        weight_masks.figures(steps(OPTIMIZERS[name], hold=False))
