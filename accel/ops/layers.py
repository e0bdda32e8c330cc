"""How the layers of a transformer are computed in training: their insides kept or made again, eager or compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from accel.errors import RunError
from accel.ops.structured.structure import find_layers


def recompute_layers(model: nn.Module) -> None:
    """Let each layer keep its input alone and compute its insides again for the backward pass; in train mode only.

    Chen et al. 2016, training deep nets with sublinear memory cost (arXiv 1604.06174); random states are repeated too.

    Raises:
        RunError: transformers has no such way for this architecture.
    """
    transformer: Any = model
    if not transformer.supports_gradient_checkpointing:
        raise RunError(
            f"trainer.activation_checkpointing: transformers cannot do it for a {transformer.config.model_type} model. "
            f"Use trainer.activation_checkpointing=false and a smaller trainer.batch_tokens."
        )
    _checkpointing(transformer, "enable")({"use_reentrant": False})


def compile_layers(model: nn.Module) -> None:
    """Compile each layer by itself: as fast as the whole at once, and equal layers are compiled once.

    Raises:
        RunError: accel does not know where the layers are.
    """
    layers = find_layers(model)
    if not layers:
        family: Any = model.config.model_type  # type: ignore[union-attr]
        raise RunError(
            f"trainer.compile: accel does not know the layers of a {family} model. Use trainer.compile=false."
        )
    torch.compiler.reset()  # the compiler counts what it compiled for earlier models against its limit
    for layer in layers:
        layer.compile(dynamic=True)  # batches differ in length


def plain_layers(model: nn.Module) -> nn.Module:
    """The same model with layers that keep everything and are not compiled."""
    if any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        _checkpointing(model, "disable")()
    for layer in find_layers(model):
        layer._compiled_call_impl = None  # torch offers no way back from compile()
    return model


def _checkpointing(model: Any, verb: str) -> Callable[..., None]:
    """transformers 5.23 renamed the method, and warns of the old name."""
    return getattr(model, f"activation_checkpointing_{verb}", None) or getattr(model, f"gradient_checkpointing_{verb}")
