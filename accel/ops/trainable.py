"""Which parameters train."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from accel.ops.body import body_of

NORMS = ("LayerNorm", "RMSNorm")
"""How the names of all architectures' normalizations end."""


def freeze_body(model: nn.Module) -> nn.Module:
    """Freeze, in place, the pretrained body of a transformers classifier; what is outside of it still trains."""
    body_of(model).requires_grad_(False)
    return model


def freeze_all_but_biases(model: nn.Module) -> nn.Module:
    """Freeze, in place, every parameter of the body that is not a bias; what is outside of the body still trains."""
    for name, parameter in body_of(model).named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    return model


def freeze_all_but_norms(model: nn.Module) -> nn.Module:
    """Freeze, in place, all of the body but its normalizations; what is outside of the body still trains."""
    body = body_of(model)
    body.requires_grad_(False)
    for module in body.modules():
        if type(module).__name__.endswith(NORMS):
            module.requires_grad_(True)
    return model


def freeze_matching(model: nn.Module, pattern: str) -> int:
    """Freeze, in place, every parameter whose name matches, and count those that trained before.

    Args:
        pattern: as a shell matches file names, for example ``*embeddings*``.
    """
    found = [p for name, p in model.named_parameters() if p.requires_grad and fnmatchcase(name, pattern)]
    for parameter in found:
        parameter.requires_grad_(False)
    return len(found)


def trainable_share(model: nn.Module) -> float:
    """Share of the parameters that receive gradients, in [0, 1]."""
    total = sum(p.numel() for p in model.parameters())
    return sum(p.numel() for p in model.parameters() if p.requires_grad) / max(1, total)


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """Copies, outside of any device, of the parameters that receive gradients."""
    return {name: p.detach().to("cpu", copy=True) for name, p in model.named_parameters() if p.requires_grad}


@torch.no_grad()
def put_trained(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Write, in place, what ``trained_weights`` copied."""
    for name, parameter in model.named_parameters():
        if name in weights:
            parameter.copy_(weights[name])
