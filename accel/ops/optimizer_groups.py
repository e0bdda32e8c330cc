"""Rates of their own for some of a model's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn
from torch.optim import Optimizer

from accel.ops.structured.structure import find_stacks


def faster(optimizer: Optimizer, parameters: Iterable[nn.Parameter], factor: float) -> Optimizer:
    """Multiply the learning rate of some parameters, in place; the schedule goes on from there."""
    chosen = {id(parameter) for parameter in parameters}
    for group in list(optimizer.param_groups):
        moved = [p for p in group["params"] if id(p) in chosen]
        group["params"] = [p for p in group["params"] if id(p) not in chosen]
        if moved:
            optimizer.add_param_group({**group, "params": moved, "lr": factor * group["lr"]})
    return optimizer


def by_depth(model: nn.Module, parameters: Mapping[str, nn.Parameter], *, one: bool) -> dict[int, list[nn.Parameter]]:
    """Parameters by how many layers lie between them and the top of their stack.

    Those behind the last layer and the head are 0, the last layer is 1, and what comes before the first layer is one
    more than that one. In T5 encoder and decoder are counted each by itself.

    Args:
        parameters: by name.
        one: whether all of them are at the top.
    """
    depths = {} if one else _layer_depths(model)
    deepest = max(depths.values(), default=-1) + 1
    found: dict[int, list[nn.Parameter]] = {}
    begun = one
    for name, parameter in model.named_parameters():
        begun = begun or id(parameter) in depths
        if name in parameters:
            found.setdefault(depths.get(id(parameter), 0 if begun else deepest), []).append(parameter)
    return found


def _layer_depths(model: nn.Module) -> dict[int, int]:
    """By a parameter's id, its layer's place from the top, from 1 on."""
    return {
        id(parameter): len(stack.layers) - number
        for stack in find_stacks(model)
        for number, layer in enumerate(stack.layers)
        for parameter in layer.parameters()
    }
