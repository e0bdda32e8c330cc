import pytest
import torch
from torch import nn

from accel.ops.sparse.semi_structured import is_two_of_four, sparse_layers, why_not


def layer(rows, columns, *, sparse):
    linear = nn.Linear(columns, rows)
    if sparse:
        with torch.no_grad():
            linear.weight.view(-1, 4)[:, :2] = 0
    return linear


def test_two_zeros_among_every_four_neighbours():
    assert is_two_of_four(torch.tensor([[0.0, 1, 0, 2], [0, 0, 0, 3]]))
    assert not is_two_of_four(torch.tensor([[0.0, 1, 3, 2], [0, 0, 0, 0]]))
    assert not is_two_of_four(torch.zeros(2, 6))


def test_dense_and_odd_layers_are_left_alone():
    model = nn.Sequential(layer(64, 128, sparse=True), layer(64, 64, sparse=False), layer(2, 64, sparse=True))
    assert list(sparse_layers(model)) == ["0"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    assert "torch finds none" in str(why_not())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_either_multiplies_rightly_or_says_why_not():
    reason = why_not()
    assert reason is None or "cannot run 2:4 kernels" in reason
