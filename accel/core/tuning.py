"""Which weights are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.technique import Stage, Technique

if TYPE_CHECKING:
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Tuning(Technique):
    """Base of every option of the group ``tuning``."""

    group: ClassVar[str] = "tuning"
    stage: ClassVar[Stage] = Stage.ADAPT
    sampled: ClassVar[bool] = True
    """Whether all that it trains are linear layers, embeddings and normalizations of the texts, whose gradients of each
    record are known."""
    splits: ClassVar[bool] = True
    """Whether what it adds can be split with the layers that it is added to."""
    shards: ClassVar[bool] = True
    """Whether it only uses its parameters where they are gathered, in a layer's forward pass."""
    reads_gradients: ClassVar[bool] = False
    """Whether it decides between steps by the gradient of the one before."""
    rounds_body: ClassVar[bool] = False
    """Whether frozen weights are kept rounded while it trains."""

    @property
    def extra_tokens(self) -> int:
        """How many tokens it adds to each text."""
        return 0

    def trained_share(self, shape: Shape) -> float:
        """About which share of the parameters learns, for the forecast."""
        del shape
        return 1.0


@dataclass(kw_only=True)
class FrozenBody(Tuning):
    """Base of every tuning that leaves the pretrained weight matrices as they are: they receive no gradients."""

    def trained_share(self, shape: Shape) -> float:
        del shape
        return 0.0


@dataclass(kw_only=True)
class HeadOnly(FrozenBody):
    """Base of every tuning that trains nothing but the head, which must be one of its own."""


@dataclass(kw_only=True)
class Adapter(FrozenBody):
    """Base of every tuning that trains weights beside frozen ones and merges them at the end."""

    @property
    def input_dropout(self) -> float:
        """Share of the adapter's input that is left out at a step; 0 where adapter and weight read the same."""
        return 0.0


@dataclass(kw_only=True)
class Prompt(FrozenBody):
    """Base of every tuning that trains what the frozen model reads besides the text."""


@dataclass(kw_only=True)
class Inserted(FrozenBody):
    """Base of every tuning that trains small parts which stay in the exported model: nothing is merged."""
