"""Fake quantization of weights together with their adapters."""

from __future__ import annotations

from torch import nn


def merge_adapters_in_the_loop(model: nn.Module) -> None:
    """Round each weight together with the adapter that will be merged into it; nothing where there is no adapter."""
    if getattr(model, "peft_config", None):
        from accel.ops.adapters import merge_in_the_loop  # imports PEFT, which takes a second

        merge_in_the_loop(model)
