"""Trains with rounding in the loop, then stores and runs the model in int8, int4 or fp8.

What it does: every linear layer (and embedding) sees its weights, and in int8 and fp8 its inputs too, rounded for the
    last part of training, so the weights settle where rounding hurts least; what is stored afterwards is exactly what
    the last step saw. An adapter (``lora``) is rounded together with the weight that it will be merged into. With
    ``full_precision``, the layers whose rounding changes the predictions most are left as they are: for their bytes, or
    for what each kind of layer is measured to take on this machine.
Use it when: size matters (4x per layer in int8, 7x in int4), or the machine multiplies int8 faster than anything else.
    int8 is the fastest on a CPU; the weight-only schemes save memory where few tokens are computed at a time.
What it costs: about a third more time per step while the rounding is on; int8 usually under 0.3 points;
    ``full_precision`` measures once, a forward pass over 32 examples for every linear layer (MiniLM: half a minute on
    one thread), and with ``full_precision_of=latency`` writes and times the model once for every kind of layer (a
    minute or two).
Composes with: prune, distill, every tuning, ddp; refused with ptq, which ends in the same layers.
Off switch: leave it out; there is no 32-bit setting.
Reference: Jacob et al. 2018 (arXiv 1712.05877); Zafrir et al. 2019, Q8BERT (arXiv 1910.06188).

    accel compression=[qat] compression.qat.scheme=int4_weight_only compression.qat.begin=0.5
    accel compression=[qat] compression.qat.full_precision=0.05 compression.qat.full_precision_of=latency
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.compression._gradual import Gradual
from accel.compression._quantization import Quantization
from accel.compression._removal import Removal
from accel.core.facts import Facts
from accel.core.option import Objection, typed
from accel.core.tuning import Adapter

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Qat(Quantization):
    """Rounding in the training loop."""

    begin: float = 0.5
    """Where rounding is switched on, as a share of all steps, in [0, 1)."""

    @property
    def settled_at(self) -> float:
        return self.begin

    @property
    def against_compiling(self) -> str:
        return "torch compiles layers that round in pieces, with other results"

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.begin < 1:
            yield self.out_of_range("begin", "in [0, 1): a share of training", "0.5")
        if self.full_precision > 0 and self.begin == 0:
            yield Objection(
                f"{self.key}.full_precision={self.full_precision}  with  {self.key}.begin=0",
                "sensitivity is measured when fake quantization begins, and at step 0 the head is untrained",
                f"{self.key}.begin=0.1, or {self.key}.full_precision=0",
            )
        if self.times_layers:
            yield from self._objections_to_unfinished(plan)
        privacy = plan.privacy
        if privacy is not None and not privacy.protects_clients and isinstance(plan.tuning, Adapter):
            yield Objection(
                f"{self.key}  with  {typed(plan.tuning)}  and  {typed(privacy)}",
                "the per-example gradients of an adapter that is quantized together with its weight are not known",
                "compression=[ptq], or tuning=full",
            )

    def _objections_to_unfinished(self, plan: Plan) -> Iterator[Objection]:
        """What is timed must have the sizes that will be exported."""
        for other in plan.compression:
            if isinstance(other, Gradual) and isinstance(other, Removal) and other.end > self.begin:
                ours = f"{self.key}.full_precision_of=latency  with  {self.key}.begin={self.begin}"
                yield Objection(
                    f"{ours}  and  {other.key}.end={other.end}",
                    "the model is timed when fake quantization begins, and still has units then that are removed later",
                    f"{self.key}.begin={other.end}",
                )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.quantize.merged import merge_adapters_in_the_loop

        model = super().adapt_model(model, facts)
        merge_adapters_in_the_loop(model)
        return model

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.switch_rounding import SwitchRounding

        return [SwitchRounding(self, int(self.begin * facts.total_steps))]
