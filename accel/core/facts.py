"""What techniques are given and give back: facts of the run, losses, steps, evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from accel.core.objective import Objective

SEQUENCE_LENGTH = 128
"""Tokens of the text whose latency is measured."""

History = Mapping[str, list[float]]


@dataclass(frozen=True)
class Cohorts:
    """Who owns the training examples of a federated run, and how many owners train in a round."""

    clients: int
    expected: float
    """Of them in a round, on average."""


@dataclass(frozen=True)
class Facts:
    """What a technique may know of the run, fixed before the model is built."""

    total_steps: int
    num_examples: int
    objective: Objective
    """What is predicted."""
    world_size: int
    seed: int
    baseline: Path | None
    """Folder of the dense baseline, when the plan asks for one."""
    pretrained: Path | None = None
    """Folder of the dense model before any training, when the plan asks for it."""
    folder: Path | None = None
    """Where the run keeps its files; none for a model that is trained on the way, such as the baseline."""
    resumed: bool = False
    """Whether training goes on from a checkpoint."""
    latency: LatencyTable | None = None
    """What layers, heads and channels cost on this machine, when the plan asks for it."""
    num_threads: int = 1
    """Of the whole run, which training shares out to its processes on this machine."""
    num_unlabelled: int = 0
    """Of the examples, texts without a label: what they count in the loss is 0 in the batch."""
    kept_tokens: Sequence[int] | None = None
    """Ids of the tokens that the finished model needs; None for all."""
    cohorts: Cohorts | None = None
    """Where the strategy trains at the owners of the examples."""


@dataclass(frozen=True)
class Loss:
    """How a step is scored: named scalar terms, of which ``loss`` is minimised."""

    compute: Callable[[Any, Mapping[str, Tensor]], dict[str, Tensor]]
    """(model outputs, batch) -> terms; the batch still holds ``labels``."""
    forward_args: Mapping[str, Any] = field(default_factory=dict)
    """Extra keywords the model's forward needs, e.g. ``output_hidden_states``."""


Step = Callable[[Any], dict[str, "Tensor"]]
"""One batch of the loader -> named scalar terms; the gradient of ``loss`` is what the optimizer gets."""


@dataclass(frozen=True)
class Evidence:
    """Proof that a technique acted: figures for the record, and whether they show an effect."""

    acted: bool
    figures: Mapping[str, Any]
    expected: str = "a visible effect"


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of one text of ``SEQUENCE_LENGTH`` tokens: base + layers * per_layer + sum of the units'."""

    engine: str
    """The engine that is fastest at the full size, and its dtype."""
    num_threads: int
    base_ms: float
    per_layer_ms: float
    per_unit_ms: dict[str, float]
    """By kind: heads, channels."""
    points: list[dict[str, float]]
    """What was measured: layers, heads, channels, ms, and fitted_ms."""

    @property
    def worst_error(self) -> float:
        """Largest relative distance of a measured time from the fit."""
        return max(abs(p["fitted_ms"] / p["ms"] - 1) for p in self.points)
