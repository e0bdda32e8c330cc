"""How far the average of LoRA's factors is from the average of their products.

The mean of B A over clients is not the mean of B times the mean of A (Singhal et al. 2024, FedEx-LoRA, arXiv
2410.09432); with A frozen both are the same (Sun et al. 2024, FFA-LoRA, arXiv 2403.12313).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from accel.ops.adapters import factors
from accel.ops.parallel.shards import add_up

PROBES = 16


class LoraProducts:
    """Adds up the products of a round's clients, as seen by a few random directions.

    The squared norm of a matrix is estimated by that of its products with ``PROBES`` Gaussian vectors, so
    that nothing of the size of a frozen weight is made or sent.
    """

    def __init__(self, model: nn.Module, seed: int) -> None:
        self.pairs = list(factors(model))
        random = torch.Generator().manual_seed(seed)
        self.probes = [torch.randn(a.shape[1], PROBES, generator=random) for a, _ in self.pairs]

    def begin(self) -> None:
        """A new round."""
        self.sums = [torch.zeros(len(b), PROBES).to(b) for _, b in self.pairs]

    @torch.no_grad()
    def add(self, weight: float) -> None:
        """The products as the model has them now."""
        for (a, b), probe, total in zip(self.pairs, self.probes, self.sums, strict=True):
            total.add_(b @ (a @ probe.to(a)), alpha=weight)

    @torch.no_grad()
    def error(self, exchanged: Sequence[Tensor], mean: Sequence[Tensor], weight: float) -> dict[str, Tensor]:
        """``aggregation_error``: the distance over the norm of the mean of products; nothing without adapters.

        Args:
            exchanged: weights as they were before the round.
            mean: of their updates.
            weight: of all clients together.
        """
        if not self.pairs:
            return {}
        moved = {id(p): p + update for p, update in zip(exchanged, mean, strict=True)}
        far, size = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for (a, b), probe, total in zip(self.pairs, self.probes, self.sums, strict=True):
            truth = add_up(total) / weight
            found = moved.get(id(b), b) @ (moved.get(id(a), a) @ probe.to(a))
            far += (truth - found).double().square().sum().cpu()
            size += truth.double().square().sum().cpu()
        return {"aggregation_error": (far / size.clamp_min(torch.finfo(torch.float64).tiny)).sqrt()}
