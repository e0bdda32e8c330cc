"""Rounds the finished model to int8, int4 or fp8: no change to training, and a loss of quality that grows as bits go.

What it does: training runs as it would without it; then every linear layer (and embedding) is stored on the grid of the
    scheme, as ``qat`` would; activations are rounded per token, if at all, anew at every call: no calibration data.
Use it when: training cannot round in its loop (``lora`` with dropout, privacy), or to see what ``qat`` wins.
What it costs: no time; but the weights never met the rounding that they end in.
Composes with: prune, layers, mask, vocabulary, distill, every tuning (an adapter is merged first), ddp and privacy, as
    what is computed from a private model alone stays private. Refused with qat, which ends in the same layers.
Off switch: leave it out; there is no 32-bit setting.
Reference: Zafrir et al. 2019, Q8BERT (arXiv 1910.06188), its baseline; Yao et al. 2022, ZeroQuant
    (arXiv 2206.01861), for activations per token.

    accel tuning=lora compression=[ptq]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.compression._quantization import Quantization

if TYPE_CHECKING:
    from pytorch_lightning import Callback

    from accel.core.facts import Facts


@dataclass(kw_only=True)
class Ptq(Quantization):
    """Rounding after training."""

    after_training: ClassVar[bool] = True

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.round_at_end import RoundAtEnd

        del facts
        return [RoundAtEnd(self)]
