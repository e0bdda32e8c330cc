"""What says how much a removable unit matters: gradients, weights, or activations on a few texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from accel.ops.activations import Batches, mean_products, mean_squares
from accel.ops.parallel.shards import whole
from accel.ops.structured.importance import gate_gradient
from accel.ops.structured.structure import Block, input_weights, output_weight

Scores = dict[str, Tensor]
"""By block name: [num_units], larger matters more; kept in the model's buffers."""
SCORE_DECAY = 0.99
"""Per step: the loss landscape moves while units go, so old scores fade."""
DAMPING = 0.01
"""Share of the mean square of a column that is added to each, so that hardly used columns count for little."""


class UnitScorer:
    """Fills the scores in place at the moments that it needs; by default never."""

    def on_start(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        """Before the first step; not again when a run is resumed."""

    def on_gradients(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        """Between the backward pass and the optimizer's step."""

    def on_choice(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        """Before units are chosen."""


class GradientScorer(UnitScorer):
    """A running sum over steps of what the gradient says of scaling each unit's output to zero."""

    @torch.no_grad()
    def on_gradients(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        for block in blocks:
            weight = output_weight(model, block)
            if weight.grad is not None:
                gradient = gate_gradient(whole(weight), whole(weight.grad), block.unit_width)
                scores[block.name].mul_(SCORE_DECAY).add_(self.importance(gradient))

    @abstractmethod
    def importance(self, gradient: Tensor) -> Tensor:
        """[num_units], of one step, from the loss' derivative by a factor on each unit's output."""


class FirstOrderScorer(GradientScorer):
    """How much the loss would change without the unit, either way.

    Squared, so that a sum over steps ranks by magnitude: Molchanov et al. 2019 (arXiv 1906.10771), eq. 8.
    """

    def importance(self, gradient: Tensor) -> Tensor:
        return gradient.square()


class MovementUnitScorer(GradientScorer):
    """Whether training makes the unit larger: the step along the gradient grows its output, or shrinks it.

    Signed, so that a unit that the task turns down ranks below one that it does not touch: Sanh et al. 2020, movement
    pruning (arXiv 2005.07683), summed over a unit as in Lagunas et al. 2021 (arXiv 2109.04838).
    """

    def importance(self, gradient: Tensor) -> Tensor:
        return -gradient


class MagnitudeUnitScorer(UnitScorer):
    """Squared size of the weights that lead into a unit times that of those that lead out of it.

    It looks at nothing but the weights as they are, so under privacy it costs nothing.
    """

    @torch.no_grad()
    def on_choice(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        for block in blocks:
            into = sum(
                whole(w).float().square().sum(1).view(block.fused, block.num_units, -1).sum((0, 2))
                for w in input_weights(model, block)
            )
            out = whole(output_weight(model, block)).float().square().sum(0).view(block.num_units, -1).sum(1)
            scores[block.name].copy_(into * out)


class ActivationScorer(UnitScorer):
    """Mean square of what each unit adds to its layer's output, on a few texts.

    Sun et al. 2023 (arXiv 2306.11695), summed over a unit's columns.
    """

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    @torch.no_grad()
    def on_start(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        outputs = {block.name: model.get_submodule(block.output) for block in blocks}
        inputs = mean_squares(model, outputs, self.batches)
        for block in blocks:
            out = whole(output_weight(model, block)).float().square().sum(0)
            scores[block.name].copy_((inputs[block.name] * out).view(block.num_units, -1).sum(1))


class ReconstructionScorer(UnitScorer):
    """Mean square of what a layer's output loses without a unit while the others make up for it as well as they can.

    The saliency of the optimal brain surgeon for a set of columns S, ``tr(W_S ((H^-1)_SS)^-1 W_S^T)``, where H holds
    the mean products of the layer's inputs: Kurtic et al. 2023, ZipLM (arXiv 2302.04089), eq. 3. Two units that say the
    same score low, as either can speak for both; and training, which goes on after each choice, makes the others do so.
    Activations are taken before every choice, so what was removed earlier makes up for nothing.
    """

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    @torch.no_grad()
    def on_choice(self, model: nn.Module, blocks: list[Block], scores: Scores) -> None:
        outputs = {block.name: model.get_submodule(block.output) for block in blocks}
        products = mean_products(model, outputs, self.batches)
        for block in blocks:
            weight = whole(output_weight(model, block)).double()
            scores[block.name].copy_(irreplaceable(weight, products[block.name].double(), block.num_units))


def irreplaceable(weight: Tensor, products: Tensor, num_units: int) -> Tensor:
    """What of each unit's part in a layer's output no other unit can take over; [num_units], 0 for removed units.

    Args:
        weight: [out_features, in_features], of the layer.
        products: [in_features, in_features], the mean products of its inputs.
    """
    columns = weight.view(len(weight), num_units, -1)
    alive = columns.square().sum((0, 2)) > 0
    kept, width = columns[:, alive], columns.shape[2]
    there = alive.repeat_interleave(width)
    damped = products[there][:, there]
    damped.diagonal().add_(DAMPING * damped.diagonal().mean())
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    own = inverse.view(kept.shape[1], width, kept.shape[1], width).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    mixed = kept.permute(1, 2, 0)
    found = weight.new_zeros(num_units)
    found[alive] = (mixed * torch.linalg.solve(own, mixed)).sum((1, 2))
    return found


def scorer_for(score: str, batches: Batches) -> UnitScorer:
    """The scorer of a name."""
    made: dict[str, Callable[[], UnitScorer]] = {
        "first_order": FirstOrderScorer,
        "movement": MovementUnitScorer,
        "magnitude": MagnitudeUnitScorer,
        "activation": lambda: ActivationScorer(batches),
        "reconstruction": lambda: ReconstructionScorer(batches),
    }
    return made[score]()
