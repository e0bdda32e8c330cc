import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.ops import weight_masks
from accel.ops.weight_masks import KEEP, SCORE, choose, linears

ROW = torch.tensor([[4.0, 1.0, 3.0, 2.0, 8.0, 7.0, 6.0, 5.0]])


@pytest.mark.parametrize(
    ("fraction", "group", "kept"),
    [
        (0.0, None, [1, 1, 1, 1, 1, 1, 1, 1]),
        (0.5, None, [0, 0, 0, 0, 1, 1, 1, 1]),
        (0.5, 4, [1, 0, 1, 0, 1, 1, 0, 0]),
        (0.25, 4, [1, 0, 1, 1, 1, 1, 1, 0]),
        (0.3, 4, [1, 0, 1, 1, 1, 1, 1, 0]),
    ],
)
def test_the_lowest_of_each_group_go(fraction, group, kept):
    assert choose(ROW, torch.ones_like(ROW, dtype=torch.bool), fraction, group).int().tolist() == [kept]


def test_what_is_gone_stays_gone():
    keep = torch.tensor([[False] + [True] * 7])
    chosen = choose(ROW, keep, 0.25, None)
    assert chosen.int().tolist() == [[0, 0, 1, 1, 1, 1, 1, 1]]


def model_with_masks(**settings):
    model = TinyBert().classifier(["a", "b"])
    weight_masks.attach(model, **{"group": None, "scored": False, **settings})
    return model


def test_embeddings_and_the_head_stay_whole():
    model = model_with_masks()
    assert sum(hasattr(m, KEEP) for m in model.modules()) == sum(1 for _ in linears(model)) == 12
    assert not hasattr(model.classifier, KEEP)


def test_layers_that_do_not_divide_are_counted():
    found = weight_masks.figures(model_with_masks(group=7))
    assert found == {"masked_layers": 0, "unmasked_layers": 12, "masked_fraction": 0.0}


def test_movement_is_minus_weight_times_gradient():
    model = model_with_masks(scored=True)
    ids = torch.randint(5, 200, (2, 8), generator=torch.Generator().manual_seed(0))
    model(input_ids=ids).logits.square().sum().backward()
    weight_masks.collect(model)
    for _, linear in linears(model):
        assert torch.equal(linear.get_buffer(SCORE), -(linear.weight * linear.weight.grad))


def test_a_mask_that_was_not_held_is_noticed():
    model = model_with_masks()
    weight_masks.update(model, 0.5, None)
    weight_masks.apply(model)
    assert weight_masks.figures(model)["masked_fraction"] == pytest.approx(0.5, abs=1e-3)
    with torch.no_grad():
        next(linears(model))[1].weight.add_(0.1)
    with pytest.raises(RuntimeError, match="masked weights are not zero"):
        weight_masks.figures(model)


def test_detached_nothing_of_them_is_left():
    model = weight_masks.detach(model_with_masks(scored=True))
    assert not [name for name, _ in model.named_buffers() if name.endswith((KEEP, SCORE))]
