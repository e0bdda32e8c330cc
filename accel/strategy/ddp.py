"""Data parallel training over several processes (torch DistributedDataParallel).

What it does: every process holds the whole model and takes its share of each epoch; gradients are averaged.
Use it when: the model fits on each device and there is more than one (GPUs with nccl, CPU processes with gloo).
What it costs: one all-reduce of the gradients per step; ``compress`` halves what is sent and rounds every gradient.
Composes with: every technique; masks agree on all ranks because they are chosen from averaged gradients.
Off switch: ``strategy=single``.
Reference: Li et al. 2020 (arXiv 2006.15704); ``DDPStrategy`` of Lightning.

    accel strategy=ddp strategy.processes=2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.core.option import Objection
from accel.strategy._distributed import Distributed

if TYPE_CHECKING:
    from pytorch_lightning.strategies import DDPStrategy

    from accel.core.plan import Plan
    from accel.forecast.spread import Spread


class Compress(Enum):
    """How gradients are sent. PowerSGD would send less, but keeps errors that no checkpoint holds."""

    none = "none"
    bf16 = "bf16"
    fp16 = "fp16"


@dataclass(kw_only=True)
class Ddp(Distributed):
    """Replicated data parallelism."""

    holds_whole_models: ClassVar[bool] = True

    compress: Compress = Compress.none
    """Number format in which gradients are sent; fp16 may overflow where bf16 does not."""
    bucket_mb: int = 25
    """Megabytes of gradients that are averaged at once, while the backward pass goes on."""

    @property
    def rounds_sums(self) -> bool:
        """Whether gradients are rounded to fewer digits than weights have where processes add them up."""
        return self.compress is not Compress.none

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.bucket_mb < 1:
            yield self.out_of_range("bucket_mb", "at least 1", "25")

    def lightning_strategy(self) -> DDPStrategy:
        import torch

        from accel.process.lightning import ReplicatedStrategy

        sent = {Compress.bf16: torch.bfloat16, Compress.fp16: torch.float16}.get(self.compress)
        return ReplicatedStrategy(timeout_s=self.timeout_s, bucket_mb=self.bucket_mb, compress=sent)

    def spread(self) -> Spread:
        from accel.forecast.spread import Replicated

        return Replicated(gradient_bytes=2 if self.rounds_sums else 4)
