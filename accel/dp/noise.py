"""Gaussian noise from the system's entropy, drawn in parallel."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

STREAMS = 4


class GaussianNoise:
    """Adds noise whose seed is known to nobody and written nowhere; whoever had it could subtract the noise.

    The generators are torch's (Mersenne Twister, Philox on a GPU), seeded with 63 bits of the system's entropy each:
    good statistics, not a cryptographic generator, and the privacy statement says so.

    Args:
        test_seed: noise that can be repeated, for tests only; the run is then not private.
    """

    def __init__(self, test_seed: int | None = None) -> None:
        seeds = [secrets.randbits(63) if test_seed is None else test_seed + i for i in range(STREAMS)]
        self.seeds = seeds
        self.generators: dict[torch.device, list[torch.Generator]] = {}

    @torch.no_grad()
    def add_(self, tensors: Sequence[Tensor], std: float) -> None:
        """Add independent noise of this standard deviation to every element, in place."""
        if std == 0:
            return
        streams: list[list[Tensor]] = [[] for _ in range(STREAMS)]
        for tensor in sorted(tensors, key=torch.numel, reverse=True):
            for part in tensor.view(-1).chunk(STREAMS) if tensor.numel() > 1 << 16 else [tensor.view(-1)]:
                min(streams, key=lambda s: sum(t.numel() for t in s)).append(part)
        if tensors[0].is_cuda:
            for number, parts in enumerate(streams):
                self._fill(number, parts, std)
        else:
            with ThreadPoolExecutor(min(STREAMS, torch.get_num_threads())) as pool:
                list(pool.map(lambda n: self._fill(n, streams[n], std), range(STREAMS)))

    @torch.no_grad()
    def _fill(self, number: int, parts: Sequence[Tensor], std: float) -> None:
        for part in parts:
            generator = self._generators(part.device)[number]
            part.add_(torch.randn(part.shape, dtype=part.dtype, device=part.device, generator=generator), alpha=std)

    def _generators(self, device: torch.device) -> list[torch.Generator]:
        if device not in self.generators:
            self.generators[device] = [torch.Generator(device).manual_seed(seed) for seed in self.seeds]
        return self.generators[device]
