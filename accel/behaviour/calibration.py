"""Whether a model is as sure as it is right, and the temperature that makes it so."""

from __future__ import annotations

import numpy as np

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures that are looked at."""
STEPS = 80
"""Of the search; each leaves 0.62 of the interval."""
GOLDEN = (5**0.5 - 1) / 2


def expected_calibration_error(confidences: np.ndarray, hits: np.ndarray, bins: int = BINS) -> float:
    """Mean distance of confidence and accuracy over bins of equal width, (low, high], by how many fall into each.

    As Guo et al. 2017 (arXiv 1706.04599).
    """
    if not len(confidences):
        return 0.0
    which = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)
    sums = [np.bincount(which, weights=values.astype(np.float64), minlength=bins) for values in (confidences, hits)]
    return float(np.abs(sums[0] - sums[1]).sum() / len(confidences))


def brier(log_odds: np.ndarray, truths: np.ndarray) -> float:
    """Mean squared distance of the probabilities from certainty of the truth, summed over choices: 0 to 2."""
    odds = np.exp(log_odds.astype(np.float64))
    odds[np.arange(len(odds)), truths] -= 1
    return float((odds**2).sum(-1).mean())


def scaled(log_odds: np.ndarray, temperature: float) -> np.ndarray:
    """[rows, choices]: log-probabilities at another temperature, in fp64."""
    divided = log_odds.astype(np.float64) / temperature
    highest = divided.max(-1, keepdims=True)
    return divided - highest - np.log(np.exp(divided - highest).sum(-1, keepdims=True))


def fit_temperature(log_odds: np.ndarray, truths: np.ndarray) -> float:
    """What logits are divided by so that the loss on these rows is least; above 1 the model was too sure.

    The loss is convex in 1 / temperature, so a golden-section search finds its only minimum.
    """
    rows = np.arange(len(truths))

    def loss(inverse: float) -> float:
        return float(-scaled(log_odds, 1 / inverse)[rows, truths].mean())

    low, high = 1 / HOTTEST, 1 / COLDEST
    inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    losses = loss(inner), loss(outer)
    for _ in range(STEPS):
        if losses[0] <= losses[1]:
            high, outer, inner = outer, inner, outer - GOLDEN * (outer - low)
            losses = loss(inner), losses[0]
        else:
            low, inner, outer = inner, outer, inner + GOLDEN * (high - inner)
            losses = losses[1], loss(outer)
    return 2 / (low + high)
