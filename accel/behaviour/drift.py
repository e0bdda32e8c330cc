"""How two models differ on the same examples: flips, loyalty, McNemar's test, a paired interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DRAWS = 2000
LEVEL = 0.95
"""Of all intervals."""


def probability_loyalty(log_p: np.ndarray, log_q: np.ndarray) -> float:
    """1 - the mean Jensen-Shannon distance, in nats, of two tables of log-probabilities [rows, choices].

    As Xu et al. 2021 (arXiv 2109.03228): 1 where distributions are the same.
    """
    log_p, log_q = log_p.astype(np.float64), log_q.astype(np.float64)
    log_middle = np.where(log_p == log_q, log_p, np.logaddexp(log_p, log_q) - math.log(2))
    both = (_kullback_leibler(log_p, log_middle) + _kullback_leibler(log_q, log_middle)) / 2
    return 1.0 - float(np.sqrt(both.clip(0.0)).mean())


def _kullback_leibler(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    possible = np.isfinite(log_p)
    gap = np.subtract(log_p, log_q, out=np.zeros_like(log_p), where=possible)
    return (np.exp(log_p) * gap).sum(-1)


def flips(changed: np.ndarray, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Of answers that are right or wrong.

    Args:
        changed: bool [rows]: which answers are other ones.
        before, after: bool [rows]: which were right, and which are.
    """
    worse, better = int((before & ~after).sum()), int((~before & after).sum())
    return {
        "agreement": 1 - float(changed.mean()),
        "predictions": len(changed),
        "changed": int(changed.sum()),
        "right_to_wrong": worse,
        "wrong_to_right": better,
        "wrong_before": int((~before).sum()),
        "wrong_after": int((~after).sum()),
        "mcnemar_p": mcnemar(worse, better),
    }


def mcnemar(worse: int, better: int) -> float:
    """McNemar's exact test: how likely so unequal a number of flips is if neither model is better; two-sided."""
    total, fewer = worse + better, min(worse, better)
    if not total:
        return 1.0
    k = np.arange(1, fewer + 1, dtype=np.float64)
    log_choices = np.concatenate([[0.0], np.cumsum(np.log((total - k + 1) / k))])
    tail = math.fsum(np.exp(log_choices - total * math.log(2)).tolist())
    return min(1.0, 2 * tail)


def paired_interval(before: np.ndarray, after: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the difference of two ratios of sums, by drawing examples again, the same for both.

    Examples that count alike are drawn together, which is the same draw and takes no longer for more of them.

    Args:
        before: [examples, 2]: what each adds to the ratio's upper and to its lower sum.
        after: likewise.
    """
    cells, counts = np.unique(np.hstack([before, after]), axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), size=DRAWS) @ cells
    return interval(ratio(drawn[:, 2:]) - ratio(drawn[:, :2]))


def ratio(sums: np.ndarray) -> np.ndarray:
    """The first of two columns by the second; 0 where that is 0."""
    upper, lower = sums[..., 0].astype(np.float64), sums[..., 1].astype(np.float64)
    return np.divide(upper, lower, out=np.zeros_like(upper), where=lower != 0)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle of a bootstrap's values; NaN is left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
