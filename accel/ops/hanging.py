"""A small network that hangs on a layer: what the layer gives passes through it, whatever the layer becomes."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

INSERT = "accel_insert"
"""Name of the small network inside the layer."""


def hang(layer: nn.Module, insert: nn.Module) -> None:
    """Let what the layer gives pass through another network, which is a part of the layer from then on."""
    layer.add_module(INSERT, insert)
    layer.register_forward_hook(_through)


def carry(old: nn.Module, new: nn.Module) -> nn.Module:
    """The new layer with what hangs on the one that it replaces."""
    insert = old._modules.get(INSERT)
    if insert is not None and INSERT not in new._modules:
        hang(new, insert)
    return new


def _through(layer: nn.Module, args: Any, output: Tensor) -> Tensor:
    del args
    return layer.get_submodule(INSERT)(output)
