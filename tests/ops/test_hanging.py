import torch
from torch import nn

from accel.ops.hanging import INSERT, carry, hang


def test_what_a_layer_gives_passes_through_and_stays_with_the_layer_that_takes_its_place():
    layer, insert = nn.Linear(4, 4), nn.Linear(4, 4)
    x, plain = torch.randn(2, 4), nn.Linear(4, 4)
    plain.weight, plain.bias = layer.weight, layer.bias
    hang(layer, insert)
    assert torch.equal(layer(x), insert(plain(x)))
    assert torch.equal(carry(layer, plain)(x), layer(x))
    assert torch.equal(carry(layer, plain)(x), layer(x))  # and once, however often it is carried
    assert f"{INSERT}.weight" in plain.state_dict()


def test_a_layer_with_nothing_on_it_stays_bare():
    assert INSERT not in carry(nn.Linear(2, 2), nn.Linear(2, 2))._modules
