"""What says how much a single weight matters: its size, its movement, or its size times its input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from accel.ops.activations import Batches, mean_squares
from accel.ops.parallel.shards import whole
from accel.ops.sparse.weight_masks import SCORE, masked

Scores = Mapping[str, Tensor]
"""By the layer's name: [out_features, in_features], larger matters more."""


class WeightScorer(ABC):
    """Scores every masked layer's weights when a choice is due."""

    per_row: ClassVar[bool] = False
    """Whether weights compete within a row of the matrix instead of all over it."""

    def on_gradients(self, model: nn.Module) -> None:
        """Between the backward pass and the optimizer's step."""

    @abstractmethod
    def scores(self, model: nn.Module) -> Scores:
        """Of the weights as they are now."""


class MagnitudeWeightScorer(WeightScorer):
    """The weight's size."""

    def scores(self, model: nn.Module) -> Scores:
        return {name: whole(linear.weight.detach()).abs() for name, linear in masked(model)}


class MovementWeightScorer(WeightScorer):
    """How fast training moves the weight away from zero: the sum of -w * dL/dw, kept in a buffer of the model.

    Sanh et al. 2020, movement pruning (arXiv 2005.07683), eq. 5, without the learning rate.
    """

    @torch.no_grad()
    def on_gradients(self, model: nn.Module) -> None:
        for _, linear in masked(model):
            if linear.weight.grad is not None:
                linear.get_buffer(SCORE).sub_(whole(linear.weight) * whole(linear.weight.grad))

    def scores(self, model: nn.Module) -> Scores:
        return {name: linear.get_buffer(SCORE) for name, linear in masked(model)}


class WandaWeightScorer(WeightScorer):
    """The weight's size times the norm of the input that it meets; weights of one output compete.

    Sun et al. 2023 (arXiv 2306.11695), eq. 1, with a mean over tokens instead of a sum.
    """

    per_row: ClassVar[bool] = True

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    @torch.no_grad()
    def scores(self, model: nn.Module) -> Scores:
        layers = dict(masked(model))
        norms = mean_squares(model, layers, self.batches)
        return {name: whole(linear.weight).abs() * norms[name].sqrt() for name, linear in layers.items()}


def scorer_for(score: str, batches: Batches) -> WeightScorer:
    """The scorer of a name."""
    made: dict[str, Callable[[], WeightScorer]] = {
        "magnitude": MagnitudeWeightScorer,
        "movement": MovementWeightScorer,
        "wanda": lambda: WandaWeightScorer(batches),
    }
    return made[score]()
