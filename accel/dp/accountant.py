"""How much privacy a mechanism spends; the only file that touches Opacus' accountants.

The mechanism is the Gaussian one on Poisson samples, composed over steps, for data sets that differ by one record
(added or removed). Reference: Mironov et al. 2019 (arXiv 1908.10530) for RDP; Gopi et al. 2021 (arXiv 2106.02848) for
PRV.
"""

from __future__ import annotations

import math
import warnings

from accel.logs import quiet_import

with quiet_import():
    from opacus.accountants import PRVAccountant, RDPAccountant

ACCOUNTANTS = {"rdp": RDPAccountant, "prv": PRVAccountant}
SEARCH_STEPS = 40
LARGEST_SIGMA = 1e6


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
        return float(book.get_epsilon(delta))


def sigma_for(accountant: str, *, epsilon: float, sample_rate: float, steps: int, delta: float) -> float:
    """The smallest noise multiplier, to four digits and rounded up, that spends at most ``epsilon``."""

    def spends(sigma: float) -> float:
        return epsilon_of(accountant, sigma=sigma, sample_rate=sample_rate, steps=steps, delta=delta)

    low, high = 0.0, 1.0
    while spends(high) > epsilon and high < LARGEST_SIGMA:
        low, high = high, 2 * high
    for _ in range(SEARCH_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < 0.2 or spends(middle) > epsilon else (low, middle)
        if high - low < 1e-4 * high:
            break
    return high
