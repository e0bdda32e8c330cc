import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from accel.ops.conv1d import linearize


def test_computes_the_same_with_linear_layers():
    torch.manual_seed(0)
    model = nn.Sequential(Conv1D(12, 8), nn.ReLU(), nn.Sequential(Conv1D(4, 12)))
    x = torch.randn(3, 5, 8)
    before = model(x)
    linearize(model)
    assert not any(isinstance(m, Conv1D) for m in model.modules())
    assert torch.allclose(before, model(x), atol=1e-6)
