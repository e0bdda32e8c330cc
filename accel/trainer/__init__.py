"""How long, how fast and how precisely a run trains."""

from __future__ import annotations

from enum import Enum


class Precision(Enum):
    """Number format of the matrix products; weights and optimizer state stay fp32."""

    auto = "auto"
    bf16 = "bf16"
    fp32 = "fp32"
    fp64 = "fp64"
