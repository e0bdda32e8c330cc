"""How much privacy a mechanism spends; the only file that touches Opacus' accountants.

The mechanism is the Gaussian one on Poisson samples, composed over steps, for data sets that differ by one record
(added or removed). Reference: Mironov et al. 2019 (arXiv 1908.10530) for RDP; Gopi et al. 2021 (arXiv 2106.02848) for
PRV.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np

from accel.core.logs import quiet_import
from accel.errors import RefusedError

with quiet_import():
    from opacus.accountants import PRVAccountant, RDPAccountant
    from opacus.accountants.analysis import rdp

ACCOUNTANTS = {"rdp": RDPAccountant, "prv": PRVAccountant}
SMALLEST, LARGEST_SIGMA = math.log2(0.2), 1e6
OCTAVES = 5e-5
"""How finely noise is looked for, in powers of two: four digits of it."""

# Nearly all of an accountant's time, PRV's too, is this one at 151 orders; it does not know the number of steps.
rdp._compute_rdp = lru_cache(maxsize=16384)(rdp._compute_rdp)


def epsilon_of(accountant: str, *, sigma: float, sample_rate: float, steps: int, delta: float) -> float:
    """The epsilon spent by ``steps`` steps; infinite without noise."""
    if steps == 0:
        return 0.0
    if sigma == 0:
        return math.inf
    return composed(accountant, [(sigma, sample_rate, steps)], delta)


def composed(accountant: str, history: list[tuple[float, float, int]], delta: float) -> float:
    """The epsilon of several mechanisms one after the other on the same data.

    Args:
        history: (noise multiplier, sample rate, steps) of each.
    """
    if any(sigma == 0 and steps > 0 for sigma, _, steps in history):
        return math.inf
    book = ACCOUNTANTS[accountant]()
    book.history = [entry for entry in history if entry[2] > 0]
    if not book.history:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        epsilon = float(book.get_epsilon(delta))
        if accountant == "prv" and epsilon < 2:  # an upper bound, by default 0.01 too high: much of a small epsilon
            epsilon = float(book.get_epsilon(delta, eps_error=max(5e-5, 0.003 * epsilon)))  # type: ignore[call-arg]
    return epsilon


def privacy_profile(epsilons: np.ndarray, *, sigma: float, sample_rate: float, steps: int) -> np.ndarray:
    """The delta that belongs to each epsilon: the whole curve of which a guarantee names one point."""
    if sample_rate >= 1:
        normal, mu = NormalDist(), math.sqrt(steps) / sigma
        return np.array([normal.cdf(mu / 2 - e / mu) - math.exp(e) * normal.cdf(-mu / 2 - e / mu) for e in epsilons])
    book = PRVAccountant()
    book.history = [(sigma, sample_rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = book._get_dprv(eps_error=0.1, delta_error=1e-9)
    return np.array([float(losses.compute_delta_estimate(e)) for e in epsilons])


@lru_cache(maxsize=64)
def trade_off(*, sigma: float, sample_rate: float, steps: int) -> Callable[[float], float]:
    """The least false negatives at each rate of false positives, for telling whether a record took part.

    Dong, Roth & Su 2019 (arXiv 1905.02383), proposition 2.13: the curve as the upper envelope of the lines that the
    privacy profile gives.
    """
    epsilons = np.concatenate([[0.0], np.geomspace(1e-3, 40, 250)])
    deltas = privacy_profile(epsilons, sigma=sigma, sample_rate=sample_rate, steps=steps)
    growth = np.exp(epsilons)

    def curve(alpha: float) -> float:
        rest = 1 - deltas
        return float(max(0.0, (rest - growth * alpha).max(), ((rest - alpha) / growth).max()))

    return curve


@lru_cache(maxsize=64)
def sigma_for(accountant: str, *, epsilon: float, sample_rate: float, steps: int, delta: float) -> float:
    """The smallest noise multiplier, to four digits and rounded up, that spends at most ``epsilon``.

    Raises:
        RefusedError: none does, or the accountant gives no figure for it.
    """

    @cache
    def spends(octave: float) -> float:
        return epsilon_of(accountant, sigma=2.0**octave, sample_rate=sample_rate, steps=steps, delta=delta)

    high = 0
    while _figure(spends, high, accountant, delta) > epsilon:
        high += 1
        if 2.0**high > LARGEST_SIGMA:
            raise RefusedError(
                f"privacy.epsilon={epsilon} at delta {delta:.1e}: no noise gives so little in {steps} steps, as the "
                f"accountant {accountant} counts. Use a larger privacy.epsilon, e.g. privacy.epsilon=1, or fewer steps."
            )
    while high - 1 > SMALLEST and spends(high - 1) <= epsilon:
        high -= 1
    return 2.0 ** _least(spends, epsilon, max(high - 1, SMALLEST), high)


def _least(spends: Callable[[float], float], epsilon: float, low: float, high: float) -> float:
    """Of the noise between two, by octaves: the higher one is enough, the lower one is not or is the least at all."""
    from scipy.optimize import brentq

    if spends(low) <= epsilon:
        return low

    def excess(octave: float) -> float:
        """Nearly a straight line, so few points lead to where it crosses zero."""
        return math.log(min(max(spends(octave), 1e-9), 1e9) / epsilon)

    found = float(brentq(excess, low, high, xtol=OCTAVES))  # type: ignore[arg-type]
    while spends(found) > epsilon:
        found += OCTAVES
    return min(found, high)


def _figure(spends: Callable[[float], float], octave: float, accountant: str, delta: float) -> float:
    """What a noise multiplier spends; outside of its range an accountant raises what it likes, or gives no number."""
    try:
        epsilon = spends(octave)
    except (ArithmeticError, RuntimeError, ValueError) as error:
        epsilon, reason = math.nan, f"{type(error).__name__}: {error}"
    else:
        reason = f"it says {epsilon}"
    if not 0 <= epsilon < math.inf:
        raise RefusedError(
            f"privacy.accountant={accountant} gives no epsilon at delta {delta:.1e} ({reason}). Use a delta between "
            f"1e-12 and 1 / records, or leave privacy.delta out."
        )
    return epsilon
