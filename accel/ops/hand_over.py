"""Gradients that were computed beforehand, handed over where a trainer differentiates a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def hand_over(dummy: Tensor, loss: Tensor, deliver: Callable[[], None]) -> Tensor:
    """The loss as a tensor whose backward pass is ``deliver``, which writes every ``grad`` itself.

    Args:
        dummy: any tensor that requires a gradient; it gets none.
    """
    return _HandOver.apply(dummy, loss, deliver)  # type: ignore[return-value]


class _HandOver(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dummy: Tensor, loss: Tensor, deliver: Callable[[], None]) -> Tensor:
        del dummy
        ctx.deliver = deliver
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        del grads
        ctx.deliver()
        return None, None, None
