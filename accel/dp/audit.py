"""How much a run leaked at least, from how well its canaries can be told apart: a check on the claimed epsilon.

Of m canaries each took part with probability 1/2. An auditor who knows their scores guesses for r of them and is right
v times. The bounds say which guarantees that many right guesses refute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, chi2, norm

from accel.dp.accountant import epsilon_of, trade_off
from accel.dp.mechanism import Mechanism

CONFIDENCE = 0.95
GUESSED_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
"""Shares of the canaries that are guessed, fixed before any score is seen; the significance is divided among them."""
SIGNIFICANCE = 1e-5
"""Of the direct measurements: a true claim fails one of them once in thirty thousand runs."""
LARGEST_EPSILON = 64.0
LEAST_SIGMA = 0.2
"""Below it the numerical accountant needs gigabytes."""
BISECTIONS = 24


@dataclass(frozen=True)
class Guesses:
    """An auditor's guesses."""

    canaries: int
    """All there are, m."""
    made: int
    """r."""
    right: int
    """v."""


def guess(scores: np.ndarray, included: np.ndarray, share: float) -> Guesses:
    """Guess *in* for the highest scores and *out* for the lowest, in equal numbers, for a share of all canaries."""
    each = max(1, round(share * len(scores) / 2))
    order = np.argsort(scores, kind="stable")
    right = int((~included[order[:each]]).sum() + included[order[-each:]].sum())
    return Guesses(len(scores), 2 * each, right)


def one_run_p_value(guesses: Guesses, epsilon: float, delta: float) -> float:
    """How probable so many right guesses are at most, if (epsilon, delta) holds.

    Steinke, Nasr & Jagielski 2023 (arXiv 2305.08846), theorem 5.2: right guesses are dominated by a binomial with the
    accuracy of randomized response, up to what delta adds.
    """
    made, right = guesses.made, guesses.right
    chance_right = 1 / (1 + math.exp(-epsilon))
    tail = float(binom.sf(right - 1, made, chance_right))
    fewer = np.arange(1, right + 1)
    just_below = binom.sf(right - 1 - fewer, made, chance_right) - tail
    excess = float((just_below / fewer).max()) if right else 0.0
    return min(1.0, tail + 2 * guesses.canaries * delta * excess)


def one_run_bound(guesses: Guesses, delta: float, significance: float = 1 - CONFIDENCE) -> float:
    """The largest epsilon that the guesses refute; 0 when they refute none."""
    return _largest(lambda epsilon: one_run_p_value(guesses, epsilon, delta) < significance, LARGEST_EPSILON)


def refutes(guesses: Guesses, least_false: Callable[[float], float], significance: float) -> bool:
    """Whether the guesses refute a mechanism with a given trade-off curve.

    Mahloujifar, Melis & Chaudhuri 2024 (arXiv 2410.22235), the recursion of their algorithm with abstentions: from the
    assumed tail at ``right`` correct guesses it walks down to zero; if the probabilities then exceed what there is, no
    such mechanism can have been so often guessed right.

    Args:
        least_false: x -> the least probability under "out" of an event that has probability x under "in".
    """
    m, made, right = guesses.canaries, guesses.made, guesses.right
    correct = significance * right / m
    wrong = significance * (made - right) / m
    for i in range(right - 1, -1, -1):
        needed = max(wrong, least_false(correct))
        if needed == wrong:
            break  # nothing changes from here on
        correct = min(1.0, correct + i / (made - i) * (needed - wrong))
        wrong = needed
    return correct + wrong > made / m


def fdp_bound(guesses: Guesses, mechanism: Mechanism, steps: int, significance: float = 1 - CONFIDENCE) -> float:
    """The epsilon of the least noisy mechanism of this kind that the guesses refute; 0 when they refute none.

    The family is the run's own: Gaussian noise on Poisson samples, as many steps, another noise multiplier, no less
    than a quarter of the claimed one.
    """

    def refuted(sigma: float) -> bool:
        curve = trade_off(sigma=sigma, sample_rate=mechanism.sample_rate, steps=steps)
        return refutes(guesses, lambda x: curve(1 - x), significance)

    claimed = mechanism.noise_multiplier
    found = _smallest(refuted, max(claimed / 4, LEAST_SIGMA), max(claimed, LEAST_SIGMA) * 32)
    if found is None:
        return 0.0
    return epsilon_of(
        mechanism.accountant, sigma=found, sample_rate=mechanism.sample_rate, steps=steps, delta=mechanism.delta
    )


def _largest(holds: Callable[[float], bool], high: float) -> float:
    """The largest value in [0, high] for which a claim holds that holds below some point only."""
    if not holds(0.0):
        return 0.0
    low = 0.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _smallest(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """The smallest value between for which a claim holds that holds above some point only; on a logarithmic scale."""
    if not holds(high):
        return None
    if holds(low):
        return low
    for _ in range(9):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class Observed:
    """What the canaries of a run saw; lengths are in units of the clipping bound."""

    scores: np.ndarray
    """Of every canary, higher where it seems to have taken part."""
    included: np.ndarray
    """Which took part."""
    noise: np.ndarray
    """Root mean square, over the steps, of what was released where no canary was."""
    steps: int
    joined: int
    """How often a canary that takes part was drawn, over all steps."""
    contributed: float
    """The sum of what was released where a canary had joined."""


@dataclass(frozen=True)
class Measured:
    """A quantity of the mechanism: as claimed, as seen, and whether the claim survives at ``SIGNIFICANCE``."""

    claimed: float
    seen: float
    holds: bool


def measure_noise(observed: Observed, sigma: float) -> Measured:
    """The noise multiplier; smaller noise than claimed has a smaller sum of squares."""
    count = observed.steps * len(observed.noise)
    energy = observed.steps * float(np.square(observed.noise).sum())
    seen = math.sqrt(energy / max(1, count))
    return Measured(sigma, seen, float(chi2.cdf(energy / max(sigma, 1e-12) ** 2, count)) > SIGNIFICANCE)


def measure_contribution(observed: Observed, sigma: float) -> Measured:
    """What one record adds at most; Tramer et al. 2022 (arXiv 2202.12219) recommend this check of the sensitivity."""
    seen = observed.contributed / max(1, observed.joined)
    excess = (seen - 1) * math.sqrt(max(1, observed.joined)) / max(sigma, 1e-12)
    return Measured(1.0, seen, float(norm.sf(excess)) > SIGNIFICANCE)


def measure_sampling(observed: Observed, rate: float) -> Measured:
    """How often a record joins a step."""
    chances = observed.steps * int(observed.included.sum())
    seen = observed.joined / max(1, chances)
    return Measured(rate, seen, float(binom.sf(observed.joined - 1, chances, rate)) > SIGNIFICANCE)


@dataclass(frozen=True)
class Audit:
    """What the canaries show."""

    canaries: int
    guessed: int
    guessed_right: int
    epsilon_lower: float
    """Steinke et al."""
    epsilon_lower_fdp: float
    """Mahloujifar et al., for the run's kind of mechanism."""
    epsilon_claimed: float
    confidence: float
    noise_multiplier: Measured
    contribution: Measured
    sample_rate: Measured
    passed: bool
    """Whether no bound exceeds the claimed epsilon and every measured quantity is as claimed."""


def audit(observed: Observed, mechanism: Mechanism) -> Audit:
    """Compare what a run's canaries saw with what the run claims."""
    significance = (1 - CONFIDENCE) / len(GUESSED_SHARES)
    tried = [guess(observed.scores, observed.included, share) for share in GUESSED_SHARES]
    bounds = [one_run_bound(g, mechanism.delta, significance) for g in tried]
    best = tried[int(np.argmax(bounds))]
    fdp = max(fdp_bound(g, mechanism, observed.steps, significance) for g in {best, tried[-1]})
    claimed = epsilon_of(
        mechanism.accountant,
        sigma=mechanism.noise_multiplier,
        sample_rate=mechanism.sample_rate,
        steps=observed.steps,
        delta=mechanism.delta,
    )
    measured = (
        measure_noise(observed, mechanism.noise_multiplier),
        measure_contribution(observed, mechanism.noise_multiplier),
        measure_sampling(observed, mechanism.sample_rate),
    )
    return Audit(
        best.canaries,
        best.made,
        best.right,
        max(bounds),
        fdp,
        claimed,
        CONFIDENCE,
        *measured,
        passed=max(*bounds, fdp) <= claimed and all(m.holds for m in measured),
    )
