"""Quantities that are pure functions of the step: nothing to save, so a resumed run continues exactly."""

from __future__ import annotations


def cubic(step: int, begin_step: int, end_step: int) -> float:
    """Share of the way from 0 to 1: slow at the end, when what is left matters (Zhu & Gupta 2017, arXiv 1710.01878).

    0 before ``begin_step``, 1 from ``end_step`` on.
    """
    if step >= end_step:
        return 1.0
    if step <= begin_step:
        return 0.0
    left = 1.0 - (step - begin_step) / (end_step - begin_step)
    return 1.0 - left**3
