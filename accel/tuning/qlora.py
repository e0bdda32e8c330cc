"""Trains low-rank adapters beside a body in four bits (QLoRA), and merges them into full weights at the end.

What it does: as ``lora``, and the frozen weights beside adapters are kept in NF4: sixteen values, a scale for each 64
    weights, 4.13 bits each instead of 32. At the end they are read out, the adapters are added, and the exported model
    has ordinary weights, on which quality is measured again; ``compression=[ptq]`` rounds those to int8 or int4. With
    ``pissa`` the adapters take the largest singular values first, so that less is lost to rounding.
Use it when: a model's weights do not fit into the memory that ``lora`` needs.
What it costs: time: every layer's weight is read out twice a step; and what rounding costs: about 9 % of a weight's
    norm, of which the adapters win some back. Embeddings, biases and normalizations stay in full precision.
Composes with: distill, ddp, fsdp (every process has the whole body, in four bits), federated, privacy, and ptq, which
    rounds the merged weight. Refused with qat, with prune and mask as lora is, with tensor_parallel, with
    ``trainer.compile``, and with ``trainer.precision=fp64``.
Off switch: ``tuning=lora``, or ``tuning=full``.
Reference: Dettmers et al. 2023 (arXiv 2305.14314); the torchao library's NF4; Meng et al. 2024 (arXiv 2404.02948) for
    ``pissa``.

    accel tuning=qlora tuning.rank=16 trainer.learning_rate=1e-3
    accel tuning=qlora compression=[ptq] compression.ptq.scheme=int4_weight_only
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection
from accel.tuning.lora import Lora

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Qlora(Lora):
    """Low-rank adaptation of a body in four bits."""

    changes_model: ClassVar[bool] = True
    splits: ClassVar[bool] = False
    rounds_body: ClassVar[bool] = True

    @property
    def against_compiling(self) -> str:
        return "torchao's four-bit tensors cannot be translated"

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if plan.trainer.keeps_double:
            yield Objection(
                "tuning=qlora  with  trainer.precision=fp64",
                "weights of four bits have nothing to show in double precision",
                "trainer.precision=fp32, or tuning=lora",
            )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.quantize.nf4 import narrow

        return narrow(super().adapt_model(model, facts))

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.widen_at_end import WidenAtEnd

        del facts
        return [WidenAtEnd()]

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.quantize.nf4 import widen

        return super().export(widen(model))

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.quantize.nf4 import narrowed

        found, note = super().evidence(model, history), narrowed(model)
        figures = dict(found.figures)
        if note is not None:
            others = sum(p.numel() for n, p in model.named_parameters() if not n.endswith(".base_layer.weight"))
            trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
            figures |= {
                "four_bit_layers": note.layers,
                "four_bit_bytes": note.bytes,
                "bytes_in_fp32": 4 * note.weights,
                "rounding_error": note.error,
                "trainable_share": trained / (others + note.weights),
            }
        return Evidence(
            acted=found.acted and note is not None,
            figures=figures,
            expected=f"layers in four bits, and {found.expected}",
        )
