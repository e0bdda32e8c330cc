"""What of a network was pretrained: its body, below a head for its task."""

from __future__ import annotations

from torch import nn


def body_of(model: nn.Module) -> nn.Module:
    """The body; the whole network where the architecture names none, as a T5 that writes, which has no head."""
    return getattr(model, str(model.base_model_prefix), model)


def is_of_body(model: nn.Module, name: str) -> bool:
    """Whether a parameter or a module is of the body."""
    prefix = str(model.base_model_prefix)
    return not hasattr(model, prefix) or name.startswith(f"{prefix}.")
