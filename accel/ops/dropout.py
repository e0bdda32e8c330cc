"""Turning dropout off where noise is added anyway."""

from __future__ import annotations

from torch import nn


def without_dropout(model: nn.Module) -> nn.Module:
    """Every dropout of the model at probability zero, in place; attention reads the same modules."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0  # type: ignore[assignment] - T5 and others keep the plain number
    return model
