"""The mechanism of a private run, as its ledger states it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """The Gaussian mechanism on Poisson samples, as one run uses it."""

    noise_multiplier: float
    max_grad_norm: float
    clipping: str
    sample_rate: float
    """Probability that a record joins a step."""
    expected_batch_size: float
    """What the noisy sum is divided by: the real product of rate and records, not rounded."""
    num_records: int
    steps: int
    """As many as may be taken in all, however often the run is resumed."""
    delta: float
    accountant: str
    epsilon_target: float | None
    test_mode: bool
    """Noise and draws that can be repeated: for tests, and not private."""
    protects: str = "record"
    """What the other words call a record: one of the data, or a whole client."""
