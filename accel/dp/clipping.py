"""How far a record's gradient is shortened, by its norm."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Clip = Callable[[Tensor], Tensor]
"""Norms [batch] -> factors [batch]."""


def flat(max_grad_norm: float) -> Clip:
    """Abadi et al. 2016 (arXiv 1607.00133): longer gradients are shortened to ``max_grad_norm``."""
    return lambda norms: (max_grad_norm / (norms + 1e-6)).clamp(max=1.0)


def automatic(max_grad_norm: float, stability: float = 0.01) -> Clip:
    """Bu et al. 2023, AUTO-S (arXiv 2206.07136): every gradient gets nearly the length ``max_grad_norm``."""
    return lambda norms: max_grad_norm / (norms + stability)
