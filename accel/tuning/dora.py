"""Trains low-rank adapters and, by itself, the length of each row of the weight (DoRA), and merges both at the end.

What it does: as ``lora``, and every row of the sum of weight and adapter is brought to a length that learns too, so
    that direction and size of an update are told apart.
Use it when: ``lora`` of a low rank falls behind full fine-tuning.
What it costs: more time and memory per step than ``lora``: each step measures every row of the sum. After merging,
    nothing.
Composes with: distill, ddp, qat (without dropout) and ptq, which round the merged weight. Refused with prune and mask
    as lora is, with privacy, for the lengths have no known gradient of each record, and with tensor_parallel, where a
    process has a part of a row.
Off switch: ``tuning=full``.
Reference: Liu et al. 2024 (arXiv 2402.09353); the PEFT library.

    accel tuning=dora tuning.rank=8 trainer.learning_rate=1e-3
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.tuning.lora import Lora


@dataclass(kw_only=True)
class Dora(Lora):
    """Weight-decomposed low-rank adaptation."""

    learns_lengths: ClassVar[bool] = True
    sampled: ClassVar[bool] = False
    splits: ClassVar[bool] = False
