"""Which layers of a deep model stay, and taking the others out."""

from __future__ import annotations

from torch import nn

from accel.ops.structured.structure import find_stacks, keep_layers

REMOVED = "accel_removed_layers"
"""Attribute of a stack: the indices, in the original numbering, of what was cut out of it."""


def evenly(total: int, count: int) -> list[int]:
    """``count`` of ``total`` indices, evenly spread, the first always and the last if there is more than one."""
    return [0] if count == 1 else [round(n * (total - 1) / (count - 1)) for n in range(count)]


def lowest(total: int, count: int) -> list[int]:
    """The first ``count`` of ``total`` indices."""
    return list(range(total))[:count]


CHOICES = {"evenly": evenly, "lowest": lowest}


def drop_layers(model: nn.Module, share: float, choice: str) -> None:
    """Keep, in place, ``share`` of the layers of every stack, at least one, as ``choice`` in ``CHOICES`` says."""
    for stack in find_stacks(model):
        before = list(stack.layers)
        keep_layers(model, stack, CHOICES[choice](len(before), max(1, round(share * len(before)))))
        left = {id(layer) for layer in stack.layers}
        setattr(stack.layers, REMOVED, [n for n, layer in enumerate(before) if id(layer) not in left])


def figures(model: nn.Module) -> dict[str, list[int]]:
    """How many layers each stack has, and which were cut out of it."""
    stacks = find_stacks(model)
    removed = [index for stack in stacks for index in getattr(stack.layers, REMOVED, [])]
    return {"layers": [len(stack.layers) for stack in stacks], "removed_layers": removed}
