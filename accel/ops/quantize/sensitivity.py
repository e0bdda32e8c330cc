"""Which linear layers a quantized model misses most in full precision: measured layer by layer.

Each layer is rounded alone, and what that does to the predictions is their Kullback-Leibler divergence from those of
the model without rounding; the layers with the most of it for what they cost, in weights or in milliseconds, stay
unrounded until a budget is used up.
Dong et al. 2019, HAWQ (arXiv 1905.03696), choose by curvature instead; Wu et al. 2020 (arXiv 2004.09602, section 5.2)
measure as it is done here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.ops.activations import evaluating
from accel.ops.inputs import without_answers
from accel.ops.quantize import fake_quantize

Batches = Iterable[Mapping[str, Tensor]]
Predict = Callable[[Tensor, Tensor], Tensor]
"""(logits, mask) -> [predictions, classes]."""
Distance = Callable[[Tensor, Tensor], Tensor]
Places = Callable[[Mapping[str, Tensor]], Tensor]
"""batch -> [rows, tokens], the mask that ``Predict`` is given."""


def weights_of(model: nn.Module) -> dict[str, int]:
    """How many weights each linear layer has that would be rounded; an embedding's own are always rounded."""
    layers = dict(fake_quantize.rounded_layers(model))
    tables = {id(layer.weight) for layer in layers.values() if isinstance(layer, nn.Embedding)}
    return {
        name: layer.weight.numel()
        for name, layer in layers.items()
        if isinstance(layer, fake_quantize.RoundedLinear) and id(layer.weight) not in tables
    }


def kullback_leibler(found: Tensor, expected: Tensor) -> Tensor:
    """[]: the divergence of the distributions of logits [predictions, classes], in nats, added up."""
    ours, theirs = (logits.double().log_softmax(-1) for logits in (found, expected))
    return F.kl_div(ours, theirs, reduction="sum", log_target=True)


@torch.no_grad()
def divergences(
    model: nn.Module,
    batches: Batches,
    predict: Predict,
    distance: Distance = kullback_leibler,
    places: Places = itemgetter("attention_mask"),
) -> dict[str, float]:
    """By name of a linear layer, how far the mean prediction moves when that layer alone is rounded; in nats.

    Args:
        distance: of predictions from others, added up; see ``Objective.divergence``.
        places: see ``Objective.places``; it may ask for the batches' labels.
    """
    layers = dict(fake_quantize.rounded_layers(model))
    kept = {name: [rounder.enabled for rounder in fake_quantize.rounders_of(layer)] for name, layer in layers.items()}
    device = next(model.parameters()).device
    moved, count = dict.fromkeys(weights_of(model), 0.0), 0
    try:
        with evaluating(model):
            fake_quantize.enable(model, enabled=False)
            for batch in batches:
                inputs = {name: value.to(device) for name, value in batch.items()}
                plain = _predictions(model, inputs, predict, places)
                count += len(plain)
                for name in moved:
                    fake_quantize.enable(layers[name], enabled=True)
                    rounded = _predictions(model, inputs, predict, places)
                    moved[name] += float(distance(rounded, plain))
                    fake_quantize.enable(layers[name], enabled=False)
    finally:
        for name, layer in layers.items():
            for rounder, enabled in zip(fake_quantize.rounders_of(layer), kept[name], strict=True):
                rounder.enabled = enabled  # type: ignore[assignment]
    return {name: total / count for name, total in moved.items()}


def _predictions(model: nn.Module, batch: Mapping[str, Tensor], predict: Predict, places: Places) -> Tensor:
    return predict(model(**without_answers(batch)).logits, places(batch)).double()


def most_sensitive(divergences: Mapping[str, float], prices: Mapping[str, float], budget: float) -> list[str]:
    """The layers to keep unrounded: the highest divergence for its price first, while the prices fit into the budget.

    Args:
        prices: what it costs to leave each layer unrounded; what costs nothing always stays.
    """

    def worth(name: str) -> float:
        return divergences[name] / prices[name] if prices[name] > 0 else math.inf

    left = budget
    chosen = []
    for name in sorted(divergences, key=worth, reverse=True):
        price = max(0.0, prices[name])
        if price <= left:
            chosen.append(name)
            left -= price
    return chosen
