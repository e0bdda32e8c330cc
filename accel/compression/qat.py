"""Trains with int8 rounding in the loop, then stores and runs the model in int8.

What it does: every linear layer (and embedding) sees its weights and inputs rounded to int8 for the last part of
    training, so the weights settle where rounding hurts least; after training the layers are converted to torchao's
    int8 tensors (weights per row, activations per token, dynamic).
Use it when: size matters (4x per layer), or the machine multiplies int8 faster than anything else.
What it costs: about a third more time per step while the rounding is on; usually under 0.3 points.
Composes with: prune, distill, ddp; refused with lora, whose adapter is merged after training.
Off switch: leave it out; there is no 32-bit setting.
Reference: Jacob et al. 2018 (arXiv 1712.05877); Zafrir et al. 2019, Q8BERT (arXiv 1910.06188); torchao.

    accel compression=[qat] compression.qat.begin=0.5
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.compression import Int8
from accel.technique import Facts, Objection

if TYPE_CHECKING:
    from pytorch_lightning import Callback

    from accel.plan import Plan


@dataclass(kw_only=True)
class Qat(Int8):
    """int8 dynamic activations x int8 weights."""

    begin: float = 0.5
    """Where rounding is switched on, as a share of all steps, in [0, 1)."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if not 0 <= self.begin < 1:
            yield self.out_of_range("begin", "in [0, 1): a share of training", "0.5")

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.switch_rounding import SwitchRounding

        return [SwitchRounding(int(self.begin * facts.total_steps))]
