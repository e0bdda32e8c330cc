"""What a device is taken to do: stated constants with their source, or what was measured on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from accel.errors import ConfigError, did_you_mean

HERE = "here"
"""The name of this machine, whose constants are measured."""


class Kind(Enum):
    """What a collective does."""

    all_reduce = "all_reduce"
    all_gather = "all_gather"
    reduce_scatter = "reduce_scatter"

    @property
    def passes(self) -> int:
        """How often its bytes go round the ring: an all-reduce is a reduce-scatter and a gather."""
        return 2 if self is Kind.all_reduce else 1


@dataclass(frozen=True, kw_only=True)
class Link:
    """How ranks exchange numbers: latency of a message, and what each rank can send at the same time as all others."""

    alpha_s: float
    """Seconds that a message takes to begin."""
    beta_bytes_per_s: float
    """Bytes per second that pass each rank in a ring. Between nodes every device has a network card of its own, and
    rings enter a node by all of them: what passes is the sum of the cards."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """One rank's processor, its memory, and its way to the others."""

    name: str
    source: str
    """Where the constants come from."""
    flops_per_s: float
    """Of dense matrix products in the precision of training, at the best."""
    utilization: float
    """Share of it that training reaches."""
    memory_bytes: float
    memory_bytes_per_s: float
    """What the optimizer's step is bound by."""
    per_node: int
    """Devices that share the inner link."""
    inner: Link
    """Between the devices of a node."""
    outer: Link
    """Between nodes."""
    overlaps: bool
    """Whether collectives run beside the computation, or take its cores."""
    measured: Mapping[Kind, Link] = field(default_factory=dict)
    """What each collective was seen to do between the ranks of this machine; libraries are not equally good at all."""

    def link(self, ranks: int, kind: Kind = Kind.all_reduce) -> Link:
        """What a collective of so many ranks is bound by."""
        return self.measured.get(kind, self.inner if ranks <= self.per_node else self.outer)


H100 = Device(
    name="h100",
    source="NVIDIA H100 SXM data sheet (989 TFLOP/s dense bf16, 80 GB, 3.35 TB/s, NVLink 450 GB/s one way); 400 Gb/s "
    "InfiniBand per GPU; 80 % of a link's rate; 40 % utilization as Megatron-LM and torchtitan report (33 to 48 %)",
    flops_per_s=989e12,
    utilization=0.40,
    memory_bytes=80e9,
    memory_bytes_per_s=3.35e12,
    per_node=8,
    inner=Link(alpha_s=10e-6, beta_bytes_per_s=0.8 * 450e9),
    outer=Link(alpha_s=20e-6, beta_bytes_per_s=0.8 * 8 * 50e9),
    overlaps=True,
)
A100 = Device(
    name="a100",
    source="NVIDIA A100 SXM data sheet (312 TFLOP/s dense bf16, 80 GB, 2.04 TB/s, NVLink 300 GB/s one way); 200 Gb/s "
    "InfiniBand per GPU; 80 % of a link's rate; 45 % utilization (torchtitan: 48.8 % on 8 A100)",
    flops_per_s=312e12,
    utilization=0.45,
    memory_bytes=80e9,
    memory_bytes_per_s=2.04e12,
    per_node=8,
    inner=Link(alpha_s=10e-6, beta_bytes_per_s=0.8 * 300e9),
    outer=Link(alpha_s=20e-6, beta_bytes_per_s=0.8 * 8 * 25e9),
    overlaps=True,
)
DEVICES = {device.name: device for device in (H100, A100)}


def device_named(name: str) -> Device:
    """The device with stated constants.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in DEVICES:
        nearest = did_you_mean(name, [*DEVICES, HERE])
        raise ConfigError(f"--forecast={name}: there are no constants for it. {nearest}")
    return DEVICES[name]
