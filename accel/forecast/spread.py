"""What each strategy sends in one optimizer step, and what it leaves on every rank.

Ring formulas; a collective of p ranks moves (p - 1) / p of its bytes once (gather, reduce-scatter) or twice
(all-reduce) and begins as often as its tree is deep. Rajbhandari et al. 2020, ZeRO (arXiv 1910.02054); Narayanan et al.
2021, Megatron-LM (arXiv 2104.04473).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from accel.forecast.device import Kind, Link
from accel.forecast.work import WEIGHT_BYTES, Work

BUCKET_BYTES = 25 * 2**20
"""DDP reduces gradients in pieces of this size."""


@dataclass(frozen=True)
class Collective:
    """The same exchange, some times per step."""

    bytes: float
    """Of the whole tensor."""
    count: int
    kind: Kind
    hidden: bool
    """Whether it may run beside the computation."""

    def seconds(self, ranks: int, link: Link) -> float:
        """All of them, one after the other."""
        depth = math.ceil(math.log2(ranks))
        once = self.kind.passes * ((ranks - 1) / ranks * self.bytes / link.beta_bytes_per_s + depth * link.alpha_s)
        return self.count * once


class Spread(ABC):
    """How a step is spread over ranks."""

    @abstractmethod
    def collectives(self, work: Work) -> Sequence[Collective]:
        """What the ranks exchange in one step."""

    def state_share(self, work: Work, ranks: int) -> float:
        """Share of weights, gradients and optimizer state that one rank holds."""
        del work, ranks
        return 1.0

    def passing_bytes(self, work: Work, ranks: int) -> float:
        """Held for a while only: activations, and what is gathered on the way."""
        del ranks
        return work.activation_bytes

    def shares_of_work(self, ranks: int) -> int:
        """Among how many ranks one share's computation is divided."""
        del ranks
        return 1

    def bytes_per_rank(self, work: Work, ranks: int) -> float:
        """All that a rank holds at the fullest moment."""
        return work.state_bytes * self.state_share(work, ranks) + self.passing_bytes(work, ranks)


class Alone(Spread):
    """Nothing is exchanged."""

    def collectives(self, work: Work) -> Sequence[Collective]:
        del work
        return ()


class Replicated(Spread):
    """Every rank holds everything; gradients are all-reduced in buckets as they come.

    Args:
        gradient_bytes: of a number on its way: 4, or 2 where it is compressed.
    """

    def __init__(self, gradient_bytes: int = WEIGHT_BYTES) -> None:
        self.gradient_bytes = gradient_bytes

    def collectives(self, work: Work) -> Sequence[Collective]:
        total = self.gradient_bytes * work.trained
        buckets = max(1, math.ceil(WEIGHT_BYTES * work.trained / BUCKET_BYTES))
        last = Collective(total / buckets, 1, Kind.all_reduce, hidden=False)
        return (last, Collective(total / buckets, buckets - 1, Kind.all_reduce, hidden=True))


class Sharded(Spread):
    """Every rank holds its part; a layer is gathered for its forward and backward pass, its gradients are scattered.

    Args:
        gathered_bytes: of a weight on its way.
        reduced_bytes: of a gradient on its way.
        gathers: how often a step gathers each layer: 2, or 1 where it stays gathered in between.
    """

    def __init__(self, gathered_bytes: int = WEIGHT_BYTES, reduced_bytes: int = WEIGHT_BYTES, gathers: int = 2) -> None:
        self.gathered_bytes = gathered_bytes
        self.reduced_bytes = reduced_bytes
        self.gathers = gathers

    def collectives(self, work: Work) -> Sequence[Collective]:
        units = work.shape.num_layers + work.shape.num_decoder_layers + 1
        passes = work.accumulate * units
        gathered = Collective(
            self.gathered_bytes * work.shape.num_parameters / units, self.gathers * passes, Kind.all_gather, hidden=True
        )
        return (
            gathered,
            Collective(self.reduced_bytes * work.trained / units, passes, Kind.reduce_scatter, hidden=True),
        )

    def state_share(self, work: Work, ranks: int) -> float:
        del work
        return 1 / ranks

    def passing_bytes(self, work: Work, ranks: int) -> float:
        del ranks
        two_layers = 2 * self.gathered_bytes * work.shape.largest_unit  # one in use, the next on its way
        return work.activation_bytes + two_layers


class Split(Spread):
    """Every layer's matrices are split over the ranks, which all see the same tokens."""

    def collectives(self, work: Work) -> Sequence[Collective]:
        layers = work.shape.num_layers + 2 * work.shape.num_decoder_layers
        per_layer = 4 + 2 * work.checkpointing  # after attention and feed-forward, forward and backward
        numbers = work.tokens * work.shape.width * work.product_bytes
        return (Collective(float(numbers), work.accumulate * per_layer * layers, Kind.all_reduce, hidden=False),)

    def state_share(self, work: Work, ranks: int) -> float:
        split = work.shape.body_weights / work.shape.num_parameters  # embeddings stay whole
        return split / ranks + 1 - split

    def passing_bytes(self, work: Work, ranks: int) -> float:
        return work.activation_bytes / ranks

    def shares_of_work(self, ranks: int) -> int:
        return ranks
