"""The time of one optimizer step on so many ranks, what limits it, and how well more ranks are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accel.forecast.device import Device
from accel.forecast.spread import Alone, Spread
from accel.forecast.work import ADAMW_BYTES, Work

Compute = Callable[[Work], float]
"""Seconds of the forward and backward passes of one step on one rank."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of one optimizer step, by part."""

    ranks: int
    compute_s: float
    exchange_s: float
    """All collectives."""
    exposed_s: float
    """What of them the computation does not hide."""
    optimizer_s: float
    tokens: int
    """Of all ranks together."""

    @property
    def total_s(self) -> float:
        return self.compute_s + self.exposed_s + self.optimizer_s

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.total_s

    @property
    def limit(self) -> str:
        """The largest part."""
        parts = {"compute": self.compute_s, "communication": self.exposed_s, "optimizer": self.optimizer_s}
        return max(parts, key=lambda name: parts[name])


def by_constants(device: Device) -> Compute:
    """Operations over the rate that the device is taken to reach."""
    return lambda work: work.flops / (device.flops_per_s * device.utilization)


def step_time(work: Work, spread: Spread, device: Device, ranks: int, compute: Compute | None = None) -> StepTime:
    """T = compute + max(0, collectives - what the backward pass hides) + optimizer.

    Args:
        work: of one data-parallel share.
        ranks: that train together; 1 exchanges nothing.
        compute: measured; by default from the device's constants.
    """
    chosen: Spread = spread if ranks > 1 else Alone()
    divided = chosen.shares_of_work(ranks)
    compute_s = (compute or by_constants(device))(work) / divided
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
        optimizer_s=ADAMW_BYTES * updated / device.memory_bytes_per_s,
        tokens=work.tokens * work.accumulate * ranks // divided,
    )


def efficiency(one: StepTime, many: StepTime) -> float:
    """Tokens per second and rank, over those of one rank alone."""
    return many.tokens_per_s / many.ranks / one.tokens_per_s
