"""GPT-2's ``Conv1D`` as the ``nn.Linear`` that it is.

torchao, PEFT and our own removal all look for ``nn.Linear`` and skip ``Conv1D`` in silence; one replacement at load
time means that no technique has to know about it.
"""

from __future__ import annotations

from torch import nn
from transformers.pytorch_utils import Conv1D


def linearize(model: nn.Module) -> nn.Module:
    """Replace every ``Conv1D`` in place by an equal ``nn.Linear`` (the weight is transposed)."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv1D):
                setattr(parent, name, _linear(child))
    return model


def _linear(conv: Conv1D) -> nn.Linear:
    in_features, out_features = conv.weight.shape
    linear = nn.Linear(in_features, out_features, device=conv.weight.device, dtype=conv.weight.dtype)
    linear.weight = nn.Parameter(conv.weight.detach().t().contiguous())
    linear.bias = nn.Parameter(conv.bias.detach().clone())
    return linear
