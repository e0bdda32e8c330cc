"""Trains every weight.

What it does: nothing is frozen.
Use it when: the model is small enough, or another technique needs the gradients of all weights.
What it costs: gradients and optimizer state for every parameter.
Composes with: everything.
Off switch: choose another tuning.
Reference: the usual fine-tuning of Devlin et al. 2018 (arXiv 1810.04805).

    accel tuning=full
"""

from __future__ import annotations

from dataclasses import dataclass

from accel.core.tuning import Tuning


@dataclass(kw_only=True)
class Full(Tuning):
    """Full fine-tuning."""
