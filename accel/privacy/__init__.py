"""What protects the training data; ``privacy=none`` is the absence of one."""

from __future__ import annotations

WEAK_EPSILON = 20.0
"""Above it a guarantee is called what it is; Ponomareva et al. 2023 (arXiv 2303.00654) call more than 10 weak."""


def meaning(epsilon: float | None) -> str:
    """What must be said of an epsilon that promises next to nothing; mostly nothing."""
    if epsilon is None or epsilon <= WEAK_EPSILON:
        return ""
    return (
        f"An epsilon above {WEAK_EPSILON:g} is no meaningful guarantee by itself (Ponomareva et al. 2023, arXiv "
        f"2303.00654, call more than 10 weak)."
    )
