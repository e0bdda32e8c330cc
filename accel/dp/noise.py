"""Gaussian noise that cannot be foretold or subtracted, drawn in parallel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from accel.dp.keystream import Keystream

STREAMS = 4
BLOCK = 1 << 15
"""Numbers at a time: their float64 fit in a core's cache, and torch spreads no more than that over threads itself."""
BLOCK_ON_GPU = 1 << 22
STEPS_PER_STD = 4096


class GaussianNoise:
    """Adds noise from keystreams whose keys are drawn for every call, known to nobody and kept nowhere.

    Numbers are made by Box and Muller's transform in float64 of 128 bits a pair, on the tensor's device; its radius
    reaches 9.4 standard deviations, and what lies beyond has a probability of 2**-64. The keystream itself is always
    computed by the CPU: a GPU's own generator (Philox) is no cryptographic one.

    Floating point has gaps: which float64 a sum can be depends on what the noise was added to, and so gives it away
    (Mironov 2012, "On significance of the least significant bits for differential privacy"; for Gaussian noise Holohan
    & Braghin 2021, arXiv 2107.10138, against whom Opacus' secure mode adds up four numbers). Here the noisy sum is
    made in float64 and then rounded to a grid that depends on the standard deviation alone, between 1/8192 and 1/4096
    of it. A step of the grid spans some 2**39 float64 near one standard deviation, so the probability of each grid
    point is that of exact Gaussian noise, rounded, but for about one part in 2**30 (of sums below a thousand standard
    deviations); which of its float64 it was is gone. What this does not cover: the sums themselves are made in the
    format of the weights, so that a record may move them by the clipping bound and a rounding error (1e-6 of it in
    fp32); and how long a step takes.

    Args:
        test_seed: noise that can be repeated, for tests only; the run is then not private.
        rank: of the process, whose noise a test seed must not repeat on another one.
    """

    def __init__(self, test_seed: int | None = None, rank: int = 0) -> None:
        self.test_seed = test_seed
        self.rank = rank
        self.calls = 0

    @torch.no_grad()
    def add_(self, tensors: Sequence[Tensor], std: float) -> None:
        """Add independent noise of this standard deviation to every element and round, in place."""
        if std == 0:
            return
        self.calls += 1
        streams: list[list[Tensor]] = [[] for _ in range(STREAMS)]
        for tensor in sorted(filter(torch.numel, tensors), key=torch.numel, reverse=True):
            for part in tensor.view(-1).chunk(STREAMS) if tensor.numel() > 1 << 16 else [tensor.view(-1)]:
                min(streams, key=lambda s: sum(t.numel() for t in s)).append(part)
        with ThreadPoolExecutor(min(STREAMS, torch.get_num_threads())) as pool:
            list(pool.map(lambda n: _add(streams[n], std, self._keystream(n)), range(STREAMS)))

    def _keystream(self, number: int) -> Keystream:
        if self.test_seed is None:
            return Keystream()
        return Keystream((self.test_seed, self.calls, number + STREAMS * self.rank))


@torch.no_grad()  # a mode of each thread
def _add(parts: Sequence[Tensor], std: float, keystream: Keystream) -> None:
    grid = grid_of(std)
    for part in parts:
        for block in part.split(BLOCK_ON_GPU if part.is_cuda else BLOCK):
            noisy = gaussian(block, std / grid, keystream).add_(block, alpha=1 / grid)
            block.copy_(noisy.round_().mul_(grid))


def grid_of(std: float) -> float:
    """A power of two, by which multiplying is exact."""
    return 2.0 ** math.floor(math.log2(std / STEPS_PER_STD))


def gaussian(like: Tensor, std: float, keystream: Keystream) -> Tensor:
    """As many float64 as ``like`` has elements, on its device (Box & Muller 1958)."""
    half = (like.numel() + 1) // 2
    words = torch.empty(2 * half, dtype=torch.int64)
    keystream.fill(words.numpy())
    numbers = words.to(like.device).double()
    radius, angle = numbers[:half], numbers[half:]
    radius.abs_().mul_(2.0**-63).add_(2.0**-64)  # in (0, 1], small ones with all their digits
    radius.log_().mul_(-2 * std**2).sqrt_()
    angle.mul_(math.pi * 2.0**-63)
    sine = angle.sin()
    angle.cos_().mul_(radius)
    radius.mul_(sine)
    return numbers[: like.numel()]
