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
from typing import TYPE_CHECKING, ClassVar

from accel.compression import Compression
from accel.errors import NoEffectError
from accel.technique import Evidence, Facts, History, Objection, Stage

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.plan import Plan


@dataclass(kw_only=True)
class Qat(Compression):
    """int8 dynamic activations x int8 weights."""

    stage: ClassVar[Stage] = Stage.QUANTIZE

    begin: float = 0.5
    """Where rounding is switched on, as a share of all steps, in [0, 1)."""
    embeddings: bool = True
    """Whether embedding tables are stored in int8 too; in small encoders they are half of all bytes."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if not 0 <= self.begin < 1:
            yield self.out_of_range("begin", "in [0, 1): a share of training", "0.5")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops import int8
        from accel.ops.int8_layers import require_int8_kernel

        del facts
        require_int8_kernel()
        if int8.prepare(model, embeddings=self.embeddings) == 0:
            raise NoEffectError(
                "compression=[qat] found no linear layer to quantize in this model: leave qat out, or report the "
                "architecture."
            )
        int8.enable(model, enabled=False)
        return model

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.switch_rounding import SwitchRounding

        return [SwitchRounding(int(self.begin * facts.total_steps))]

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops import int8

        return int8.convert(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops import int8

        del history
        layers = [name for name, _ in int8.fake_quantized(model)]
        active = sum(isinstance(m, int8.RowFakeQuantizer) and m.enabled for m in model.modules())
        return Evidence(
            acted=bool(layers) and active > 0,
            figures={"quantized_layers": len(layers), "active_fake_quantizers": active},
            expected="at least one layer with rounding on at the end of training",
        )
