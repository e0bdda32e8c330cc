"""What a client does in a round: some steps from the common weights, with an optimizer begun anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from accel.core.seeds import step_seed
from accel.federated.clients import Batch

Score = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""A batch -> named scalar terms, of which ``loss`` is minimised."""


class LocalTraining:
    """Trains the weights that are exchanged, and leaves them in the model.

    Args:
        proximal: FedProx: how strongly a client is pulled back to the common weights.
        seed: of the run; a client's draws follow from it, the client and the round.
    """

    def __init__(self, score: Score, exchanged: Sequence[nn.Parameter], proximal: float, seed: int) -> None:
        self.score = score
        self.exchanged = exchanged
        self.proximal = proximal
        self.seed = seed

    def train(
        self,
        batches: Iterable[Batch],
        optimizer: Optimizer,
        bound: Callable[[], Any],
        start: Sequence[Tensor],
        *,
        client: int,
        number: int,
    ) -> float:
        """One client's steps of a round.

        Args:
            bound: bounds the gradients of a step.
            start: the common weights.

        Returns:
            The mean loss of the steps.
        """
        put(self.exchanged, start)
        losses = []
        for step, batch in enumerate(batches):
            torch.manual_seed(step_seed(self.seed + client, step, number))
            losses.append(self._step(batch, start))
            bound()
            optimizer.step()
            optimizer.zero_grad()
        torch.manual_seed(step_seed(self.seed + client, -1, number))  # of what is rounded at random when it is sent
        return float(torch.stack(losses).mean())

    def _step(self, batch: Batch, start: Sequence[Tensor]) -> Tensor:
        device = self.exchanged[0].device
        loss = self.score({name: value.to(device) for name, value in batch.items()})["loss"]
        loss.backward()
        if self.proximal:
            self._pull_back(start)
        return loss.detach().double()

    @torch.no_grad()
    def _pull_back(self, start: Sequence[Tensor]) -> None:
        """The gradient of mu / 2 times the squared distance from the common weights."""
        for weight, before in zip(self.exchanged, start, strict=True):
            if weight.grad is not None:
                weight.grad.add_(weight - before, alpha=self.proximal)


@torch.no_grad()
def put(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Give weights other values, in place."""
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)
