"""Client-level privacy: the update of a whole client is bounded, and the sum over a secret cohort gets noise once.

McMahan et al. 2018, "Learning differentially private recurrent language models" (arXiv 1710.06963): the estimator with
a fixed denominator, q times N, whose sensitivity is the clipping bound over it, however many clients were drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from accel.dp.canaries import TIMES_TOO_LONG, Coordinates
from accel.dp.keystream import Keystream
from accel.dp.ledger import Ledger
from accel.dp.noise import GaussianNoise
from accel.federated.cohort import Cohort
from accel.federated.release import Release


def length(updates: Sequence[Tensor]) -> float:
    """The norm over all tensors together, in float64."""
    return math.hypot(*(float(torch.linalg.vector_norm(u, dtype=torch.float64)) for u in updates))


def shortening(updates: Sequence[Tensor], bound: float) -> float:
    """By what an update is multiplied so that it is no longer than the bound; 0 for one that is no number.

    A client that sends NaN is left out of the sum: without that it could decide the result alone.
    """
    long = length(updates)
    if not math.isfinite(long):
        return 0.0
    return min(1.0, bound / long) if long > 0 else 1.0


class Coins:
    """Who joins a round: every client by its own coin, which nobody can foretell and nothing keeps.

    The process that leads throws them for all, so that any number of processes trains the same cohort.
    """

    def __init__(self, rate: float, test_seed: int | None = None) -> None:
        self.rate = rate
        self.test_seed = test_seed

    def draw(self, count: int, number: int, device: torch.device) -> np.ndarray:
        """Numbers of those that join, out of so many."""
        stream = Keystream() if self.test_seed is None else Keystream((self.test_seed, number))
        joins = torch.from_numpy(stream.coins(count) < self.rate).to(device)
        if dist.is_initialized():
            sent = joins.to(torch.uint8)
            dist.broadcast(sent, 0)
            joins = sent.bool()
        return np.flatnonzero(joins.cpu().numpy())


class CanaryClients(Coordinates):
    """Clients of nobody: each sends an update that is far too long, along a coordinate of no weight."""

    def begin(self, device: torch.device) -> None:
        """A new round."""
        self.total = torch.zeros(len(self), dtype=torch.float64, device=device)

    def join(self, drawn: np.ndarray) -> None:
        """Add the drawn canaries that take part, each bounded by itself as a client is."""
        self.joining = drawn[self.included[drawn]]
        bound = self.mechanism.max_grad_norm
        for place in self.joining.tolist():
            update = torch.full((1,), TIMES_TOO_LONG * bound, dtype=torch.float64, device=self.total.device)
            self.total[place] += float(update[0]) * shortening([update], bound)


class PrivateMean(Release):
    """The noisy sum of bounded updates over the expected number of clients.

    Sums are made in float64, so that a client moves them by the bound and by nothing that counts of a rounding error;
    see ``GaussianNoise`` for what the noise covers.

    Args:
        ledger: charged before a round's clients are drawn.
    """

    exact = False

    def __init__(
        self, ledger: Ledger, noise: GaussianNoise, coins: Coins, canaries: CanaryClients | None = None
    ) -> None:
        self.ledger = ledger
        self.noise = noise
        self.coins = coins
        self.canaries = canaries
        self.leads = not dist.is_initialized() or dist.get_rank() == 0
        self.total: list[Tensor] = []
        self.shortened = self.taken = 0
        self.drawn_canaries = np.zeros(0, dtype=int)
        self.added = 0.0

    def cohort(self, cohort: Cohort, number: int, device: torch.device) -> tuple[float, np.ndarray]:
        self.ledger.charge()  # before anything of this round exists
        drawn = self.coins.draw(cohort.clients + len(self.canaries or ()), number, device)
        self.drawn_canaries = drawn[drawn >= cohort.clients] - cohort.clients
        asked = drawn[drawn < cohort.clients]
        return self.ledger.mechanism.expected_batch_size, cohort.of(number, asked)

    def begin(self, like: Sequence[Tensor]) -> None:
        self.total = [torch.zeros_like(p, dtype=torch.float64) for p in like]
        self.dtypes = [p.dtype for p in like]
        self.shortened = self.taken = 0
        if self.canaries is not None:
            self.canaries.begin(like[0].device)

    def add(self, updates: Sequence[Tensor], examples: float) -> float:
        """What it weighs is the same for all: a weight would be a client's secret, and would move the bound."""
        del examples
        factor = shortening(updates, self.ledger.mechanism.max_grad_norm)
        self.taken += 1
        self.shortened += factor < 1
        if factor == 0:
            return 0.0
        for total, update in zip(self.total, updates, strict=True):
            total.add_(update.double(), alpha=factor)
        return 1.0

    def finish(self, weight: float) -> list[Tensor]:
        del weight
        mechanism, before = self.ledger.mechanism, self.noise.calls
        if self.canaries is not None and self.leads:
            self.canaries.join(self.drawn_canaries)
        together = dist.is_initialized()
        for total in self.total if together else ():
            dist.reduce(total, 0)
        sums = [*self.total, *([self.canaries.total] if self.canaries is not None else [])]
        if self.leads:
            self.noise.add_(sums, mechanism.noise_multiplier * mechanism.max_grad_norm)
        for total in self.total if together else ():
            dist.broadcast(total, 0)
        self.added = mechanism.noise_multiplier if self.noise.calls > before or not self.leads else 0.0
        for total in sums:
            total.div_(mechanism.expected_batch_size)
        if self.canaries is not None and self.leads:
            self.canaries.hear(self.canaries.total.cpu().numpy())
        return [total.to(dtype) for total, dtype in zip(self.total, self.dtypes, strict=True)]

    def answered(self, count: int) -> float:
        """How many really did is a secret of the cohort."""
        del count
        return self.ledger.mechanism.expected_batch_size

    def terms(self) -> dict[str, Any]:
        return {"noise_multiplier": self.added, "clipped_share": self.shortened / max(1, self.taken)}
