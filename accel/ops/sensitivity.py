"""Which linear layers a quantized model misses most in full precision: measured layer by layer.

Each layer is rounded alone, and what that does to the predictions is their Kullback-Leibler divergence from those of
the model without rounding; the layers with the most of it per weight are spared until a budget of weights is used up.
Dong et al. 2019, HAWQ (arXiv 1905.03696), choose by curvature instead; Wu et al. 2020 (arXiv 2004.09602, section 5.2)
measure as it is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.ops import rounding
from accel.ops.listening import evaluating

Batches = Iterable[Mapping[str, Tensor]]
Predict = Callable[[Tensor, Tensor], Tensor]
"""(logits, attention mask) -> [predictions, classes]."""


def weights_of(model: nn.Module) -> dict[str, int]:
    """How many weights each linear layer has that would be rounded."""
    return {
        name: layer.weight.numel()
        for name, layer in rounding.rounded_layers(model)
        if isinstance(layer, rounding.RoundedLinear)
    }


@torch.no_grad()
def divergences(model: nn.Module, batches: Batches, predict: Predict) -> dict[str, float]:
    """By name of a linear layer, how far the mean prediction moves when that layer alone is rounded; in nats."""
    layers = dict(rounding.rounded_layers(model))
    kept = {name: [rounder.enabled for rounder in layer.children()] for name, layer in layers.items()}  # type: ignore[union-attr]
    ready = [{name: value.to(_device(model)) for name, value in batch.items()} for batch in batches]

    def predictions() -> Tensor:
        answers = [predict(model(**batch).logits, batch["attention_mask"]) for batch in ready]
        return torch.cat(answers).double().log_softmax(-1)

    try:
        with evaluating(model):
            rounding.enable(model, enabled=False)
            plain = predictions()
            found = {}
            for name in weights_of(model):
                rounding.enable(layers[name], enabled=True)
                found[name] = float(F.kl_div(predictions(), plain, reduction="batchmean", log_target=True))
                rounding.enable(layers[name], enabled=False)
    finally:
        for name, layer in layers.items():
            for rounder, enabled in zip(layer.children(), kept[name], strict=True):
                rounder.enabled = enabled  # type: ignore[assignment]
    return found


def most_sensitive(divergences: Mapping[str, float], weights: Mapping[str, int], share: float) -> list[str]:
    """The layers to spare: the highest divergence per weight first, while they fit into a share of all weights."""
    left = share * sum(weights.values())
    chosen = []
    for name in sorted(divergences, key=lambda name: divergences[name] / weights[name], reverse=True):
        if weights[name] <= left:
            chosen.append(name)
            left -= weights[name]
    return chosen


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
