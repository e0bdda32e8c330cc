"""The time of one optimizer step on so many ranks, what limits it, and how well more ranks are used."""

from __future__ import annotations

from dataclasses import dataclass

from accel.forecast.device import Device
from accel.forecast.spread import Alone, Spread
from accel.forecast.work import ADAMW_BYTES, Work


@dataclass(frozen=True)
class Line:
    """Seconds of a forward and a backward pass by their tokens."""

    at_rest_s: float
    """However few the tokens."""
    per_token_s: float

    def seconds(self, work: Work) -> float:
        """Of one optimizer step."""
        return work.accumulate * (self.at_rest_s + self.per_token_s * work.tokens)


@dataclass(frozen=True)
class Pace:
    """What was measured of a step of one process."""

    passes: Line
    """Of a whole model, alone."""
    optimizer_s: float
    """Of all that is trained."""
    overhead: Line = Line(0.0, 0.0)
    """What passes of a model in parts take beyond computing and exchanging: copies, and waiting for the slowest process
    at each layer."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of one optimizer step, by part."""

    ranks: int
    compute_s: float
    exchange_s: float
    """All collectives."""
    exposed_s: float
    """What of them the computation does not hide."""
    overhead_s: float
    """What else a model in parts costs; 0 where it was not measured."""
    optimizer_s: float
    tokens: int
    """Of all ranks together."""

    @property
    def total_s(self) -> float:
        return self.compute_s + self.exposed_s + self.overhead_s + self.optimizer_s

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.total_s

    @property
    def limit(self) -> str:
        """The largest part."""
        parts = {
            "compute": self.compute_s,
            "communication": self.exposed_s,
            "other": self.overhead_s,
            "optimizer": self.optimizer_s,
        }
        return max(parts, key=lambda name: parts[name])


def step_time(work: Work, spread: Spread, device: Device, ranks: int, pace: Pace | None = None) -> StepTime:
    """T = compute + max(0, collectives - what the backward pass hides) + overhead + optimizer.

    Args:
        work: of one data-parallel share.
        ranks: that train together; 1 exchanges nothing.
        pace: measured; by default computation follows from the device's constants.
    """
    chosen: Spread = spread if ranks > 1 else Alone()
    divided = chosen.shares_of_work(ranks)
    alone_s = pace.passes.seconds(work) if pace else work.flops / (device.flops_per_s * device.utilization)
    compute_s = alone_s / divided
    times = [(c.hidden, c.seconds(ranks, device.link(ranks, c.kind))) for c in chosen.collectives(work)]
    can_hide = sum(seconds for hidden, seconds in times if hidden) if device.overlaps else 0.0
    exchange_s = sum(seconds for _, seconds in times)
    hidden_s = min(can_hide, compute_s * work.backward_share)
    updated = work.trained * chosen.state_share(work, ranks)
    return StepTime(
        ranks=ranks,
        compute_s=compute_s,
        exchange_s=exchange_s,
        exposed_s=exchange_s - hidden_s,
        overhead_s=pace.overhead.seconds(work) if pace and ranks > 1 else 0.0,
        optimizer_s=ADAMW_BYTES * updated / device.memory_bytes_per_s,
        tokens=work.tokens * work.accumulate * ranks // divided,
    )


def efficiency(one: StepTime, many: StepTime) -> float:
    """Tokens per second and rank, over those of one rank alone."""
    return many.tokens_per_s / many.ranks / one.tokens_per_s
