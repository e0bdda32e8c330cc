"""Rates of their own for some of the parameters that an optimizer has already."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import Optimizer


def faster(optimizer: Optimizer, parameters: Iterable[nn.Parameter], factor: float) -> Optimizer:
    """Multiply the learning rate of some parameters, in place; the schedule goes on from there."""
    chosen = {id(parameter) for parameter in parameters}
    for group in list(optimizer.param_groups):
        moved = [p for p in group["params"] if id(p) in chosen]
        group["params"] = [p for p in group["params"] if id(p) not in chosen]
        if moved:
            optimizer.add_param_group({**group, "params": moved, "lr": factor * group["lr"]})
    return optimizer
