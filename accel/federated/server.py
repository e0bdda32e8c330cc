"""What the server makes of the mean update of a round (Reddi et al. 2021, arXiv 2003.00295, algorithm 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from accel.federated.choices import ServerOptimizer

BETA1, BETA2, TAU = 0.9, 0.99, 1e-3
"""As in the paper's experiments; there is no correction of bias."""

State = dict[str, Tensor]
Move = Callable[[Tensor, State], Tensor]
"""(mean update, what is remembered of a weight) -> by what the weight moves at a learning rate of 1."""


def _sgd(update: Tensor, state: State) -> Tensor:
    del state
    return update


def _momentum(update: Tensor, state: State) -> Tensor:
    return _remembered(state, "momentum", update).mul_(BETA1).add_(update)


def _adam(update: Tensor, state: State) -> Tensor:
    square = _remembered(state, "square", update).mul_(BETA2).addcmul_(update, update, value=1 - BETA2)
    return _adapted(update, state, square)


def _yogi(update: Tensor, state: State) -> Tensor:
    square, now = _remembered(state, "square", update), update.square()
    square.sub_((square - now).sign_().mul_(now), alpha=1 - BETA2)
    return _adapted(update, state, square)


def _adapted(update: Tensor, state: State, square: Tensor) -> Tensor:
    mean = _remembered(state, "momentum", update).mul_(BETA1).add_(update, alpha=1 - BETA1)
    return mean / (square.sqrt() + TAU)


def _remembered(state: State, name: str, like: Tensor) -> Tensor:
    if name not in state:
        state[name] = torch.full_like(like, TAU**2 if name == "square" else 0.0)
    return state[name]


MOVES: dict[ServerOptimizer, Move] = {
    ServerOptimizer.sgd: _sgd,
    ServerOptimizer.momentum: _momentum,
    ServerOptimizer.adam: _adam,
    ServerOptimizer.yogi: _yogi,
}


class Server(Optimizer):
    """Applies mean updates; whoever trains locally finds the clients' optimizer in ``local``.

    A weight's ``grad`` is the mean update with its sign turned, so that it points uphill as a gradient does. The
    learning rate of the groups is that of the clients' steps: schedules and logs are about those.

    Args:
        local: the clients' optimizer, of the same weights.
        rate: by which an update is multiplied.
    """

    def __init__(self, local: Optimizer, kind: ServerOptimizer, rate: float) -> None:
        groups = [{"params": group["params"], "lr": group["lr"]} for group in local.param_groups]
        super().__init__(groups, {"lr": 0.0})
        self.local = local
        self.move = MOVES[kind]
        self.rate = rate

    def fresh_local(self) -> Optimizer:
        """The clients' optimizer as a client finds it: at the round's learning rate, with nothing remembered."""
        for mine, theirs in zip(self.param_groups, self.local.param_groups, strict=True):
            theirs["lr"] = mine["lr"]
        self.local.state.clear()
        self.local.zero_grad()  # of the last round's update, which a trainer leaves there
        return self.local

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # type: ignore[override]
        """One round's move of every weight that has an update."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in (p for p in group["params"] if p.grad is not None):
                weight.add_(self.move(weight.grad.neg(), self.state[weight]), alpha=self.rate)
        return loss
