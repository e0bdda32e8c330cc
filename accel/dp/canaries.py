"""Records of our own in a private run, each with a direction of its own, to see what the run gives away.

A canary goes the way of a record: its coin is thrown by the same sampler, its gradient, far too long, is clipped by the
same code, summed, covered by the same noise and divided. It points along a coordinate that belongs to no weight, so the
model is what it would be without, and the coordinate shows that canary and the noise alone: the worst case, which
Dirac canaries approach (Nasr et al. 2023, arXiv 2302.07956).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from accel.dp.audit import Observed
from accel.dp.book import Book
from accel.dp.clipping import Clip
from accel.dp.keystream import Keystream
from accel.dp.mechanism import Mechanism
from accel.dp.pages import SamplePage
from accel.dp.sums import part_of
from accel.ops.parallel.shards import computes_on, cut_up_like, from_part, whole

ARRAYS, NUMBERS = ("included", "scores", "noise_squares"), ("steps", "joined", "contributed")
"""What is kept in a checkpoint."""
TIMES_TOO_LONG = 100.0
"""Length of a canary's gradient before clipping, over the clipping bound."""


class Coordinates:
    """A coordinate for each canary, and what was seen there. Half of them, by coin, take part.

    Args:
        count: how many there are, m.
        mechanism: the run's.
        test_seed: the same coins again, for tests.
    """

    def __init__(self, count: int, mechanism: Mechanism, test_seed: int | None = None) -> None:
        self.mechanism = mechanism
        self.included = Keystream(None if test_seed is None else (test_seed,)).coins(count) < 0.5
        self.share = np.ones(count, dtype=bool)
        """Which are this process's."""
        self.scores = np.zeros(count)
        self.noise_squares = np.zeros(count)
        self.steps = self.joined = 0
        self.contributed = 0.0
        self.joining = np.zeros(0, dtype=int)

    def __len__(self) -> int:
        return len(self.included)

    def hear(self, released: np.ndarray) -> None:
        """After the release: score every canary by its coordinate of the mean that was released.

        The score adds up the log-likelihood ratio of "it takes part, with this sampling rate" to "it does not".
        """
        seen = released * (self.mechanism.expected_batch_size / self.mechanism.max_grad_norm)
        rate, variance = self.mechanism.sample_rate, max(self.mechanism.noise_multiplier, 1e-2) ** 2
        exponent = np.clip((2 * seen - 1) / (2 * variance), -700, 700)
        self.scores += np.logaddexp(np.log1p(-rate) if rate < 1 else -np.inf, np.log(rate) + exponent)
        self.noise_squares += seen**2
        self.joined += len(self.joining)
        self.contributed += float(seen[self.joining].sum())
        self.steps += 1

    def observed(self) -> Observed:
        """All that was seen so far of this process's share."""
        outside = self.share & ~self.included
        return Observed(
            scores=self.scores[self.share],
            included=self.included[self.share],
            noise=np.sqrt(self.noise_squares[outside] / max(1, self.steps)),
            steps=self.steps,
            joined=self.joined,
            contributed=self.contributed,
        )

    def state_dict(self) -> dict[str, Any]:
        """Canaries are nobody's data: who took part may be kept, to go on with after a break."""
        return {name: getattr(self, name).tolist() for name in ARRAYS} | {n: getattr(self, n) for n in NUMBERS}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on; steps that a crash took away are missing in the scores, which can only weaken the audit."""
        for name in ARRAYS:
            setattr(self, name, np.array(state[name]))
        for name in NUMBERS:
            setattr(self, name, state[name])


class Canaries(Coordinates):
    """Records of nobody, that go through the book.

    Where a model is sharded their coordinates are too: they show the noise of every process, on its own part.

    Args:
        book: gets a page for them, beside the model's.
    """

    def __init__(self, book: Book, count: int, mechanism: Mechanism, test_seed: int | None = None) -> None:
        super().__init__(count, mechanism, test_seed)
        self.book = book
        self.weight = nn.Parameter(cut_up_like(torch.zeros(count), next(iter(book.parameters))))
        self.page = book.page(SamplePage, self.weight, None)
        book.parameters.append(self.weight)
        rank, world_size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self.share = (mechanism.num_records + np.arange(count)) % world_size == rank
        """Which are dealt out to this process, as the sampler does; it knows nothing of the others' coins."""

    @torch.no_grad()
    def join(self, drawn: np.ndarray, clip: Clip, *, per_layer: bool) -> None:
        """Add the drawn canaries that take part to the step's sums, through the book.

        Args:
            drawn: numbers of those whose coin fell, out of all.
        """
        self.joining = drawn[self.included[drawn]]
        if not len(self.joining) and not self.page.sharded:
            return
        device, joining = computes_on(self.weight), torch.from_numpy(self.joining)
        rows = torch.zeros(len(joining), 1, len(self), device=device)
        rows[torch.arange(len(joining)), 0, joining] = TIMES_TOO_LONG * self.mechanism.max_grad_norm
        self.page.add(rows, rows)
        real = torch.ones(len(joining), device=device)
        self.book.flush(clip, real, per_layer=per_layer, scattered=self.page)

    @torch.no_grad()
    def listen(self) -> None:
        """After the release."""
        released = part_of(self.weight)
        released = whole(from_part(released, self.weight)) if self.page.sharded else released
        self.hear(released.double().cpu().numpy())
