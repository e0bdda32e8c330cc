"""Where the clipped gradients of a step add up, whole or each process its part."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from accel.dp.clipping import Clip
from accel.ops.parallel.shards import is_sharded, local, part_of_sum, zeros_of_whole


class Sums(ABC):
    """Where the clipped gradients of a step add up, whoever computes them.

    Args:
        parameters: the trainable ones.
    """

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.batch_size = 0
        self.dummy = torch.zeros(1, requires_grad=True)

    def zero(self) -> None:
        """Begin a step."""
        for parameter in self.parameters:
            forget(parameter)
        self.discard()

    @abstractmethod
    def discard(self) -> None:
        """Forget what backward noted."""

    @abstractmethod
    def flush(self, clip: Clip, real: Tensor, *, per_layer: bool = False, records: Tensor | None = None) -> Tensor:
        """Clip what backward noted and add it to the sums.

        Args:
            clip: from norms to factors.
            real: [records], 0 for those that only fill the batch.
            per_layer: every layer is clipped by its own norm, to ``max_grad_norm / sqrt(layers)``.
            records: int64 [rows], whose rows they are, never falling; each row is a record when absent.

        Returns:
            The norm of each record's whole gradient, [records]; those with one that is not finite are left out.
        """


def sum_of(parameter: Tensor) -> Tensor:
    """Where the clipped gradients of a parameter add up: over a step, or over one batch where it is sharded."""
    found = getattr(parameter, "clipped_sum", None)
    if found is None:  # made late, when backward has freed what forward kept
        found = parameter.clipped_sum = zeros_of_whole(parameter)  # type: ignore[attr-defined]
    return found


def part_of(parameter: Tensor) -> Tensor:
    """What this process holds of a parameter's sum over a step: all that was scattered, or its whole sum."""
    if not is_sharded(parameter):
        return sum_of(parameter)
    found = getattr(parameter, "clipped_part", None)
    if found is None:
        found = parameter.clipped_part = torch.zeros_like(local(parameter.detach()))  # type: ignore[attr-defined]
    return found


def scatter(parameter: Tensor) -> None:
    """Add up a batch's sums of all processes, each of which keeps its part, and free the whole; all must call it."""
    part_of(parameter).add_(part_of_sum(sum_of(parameter), parameter))
    parameter.clipped_sum = None  # type: ignore[attr-defined]


def forget(parameter: Tensor) -> None:
    """Begin again at zero."""
    parameter.clipped_sum = parameter.clipped_part = None  # type: ignore[attr-defined]
