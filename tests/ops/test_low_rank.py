"""The product of low rank beside a frozen layer, and what may not be taken for it."""

import torch
from torch import nn

from accel.ops.low_rank import Adapted, LowRank, is_plain, is_replaced, of_input, product


def parts(bias=True):
    torch.manual_seed(0)
    rows, weight = torch.randn(7, 5).double(), torch.randn(4, 5).double()
    return (
        rows,
        weight,
        torch.randn(4).double() if bias else None,
        torch.randn(2, 5).double(),
        torch.randn(4, 2).double(),
    )


def test_the_product_stands_beside_what_the_layer_makes():
    for bias in (True, False):
        rows, weight, added, a, b = parts(bias)
        y, narrow = product(rows, weight, added, a, b, 0.5)
        expected = rows @ (weight + 0.5 * b @ a).T + (added if bias else 0)
        assert torch.allclose(y, expected)
        assert torch.allclose(narrow, rows @ a.T)


def test_the_gradient_of_the_input_is_that_of_the_whole_weight():
    _, weight, _, a, b = parts()
    above = torch.randn(7, 4).double()
    assert torch.allclose(of_input(above, 0.5 * above @ b, weight, a), above @ (weight + 0.5 * b @ a))


def test_only_a_layer_that_multiplies_unseen_is_plain():
    class Own(nn.Linear):
        pass

    watched = nn.Linear(2, 2)
    watched.register_forward_pre_hook(lambda *a: None)
    assert [is_plain(layer) for layer in (nn.Linear(2, 2), Own(2, 2), watched, nn.Embedding(2, 2))] == [
        True, False, False, False,
    ]  # fmt: skip
    layer = nn.Linear(2, 2)
    assert not is_replaced(layer)
    layer.forward = lambda x: x
    assert is_replaced(layer)


def test_who_can_tell_its_parts_is_adapted():
    class Layer(nn.Module):
        def low_rank(self):
            return LowRank(nn.Linear(2, 2), nn.Linear(2, 1), nn.Linear(1, 2), 1.0)

    assert isinstance(Layer(), Adapted)
    assert not isinstance(nn.Linear(2, 2), Adapted)
