"""Fully sharded data parallel training (FSDP2): every process holds its part of weights, gradients and optimizer state.

What it does: each layer's weights are gathered for its forward and its backward pass and freed again; gradients are
    added up and scattered. Every process takes its share of each epoch, as under ddp, and the result is the same.
Use it when: weights, gradients and optimizer state (16 bytes per parameter) do not fit on each device.
What it costs: half as much communication again as ddp; ``accel check --forecast`` says what that is worth.
Composes with: every tuning and compression, and privacy=dpsgd: each process clips the gradients of its own records and
    adds noise to its own part of their sum.
Off switch: ``strategy=ddp``, or ``strategy=single``.
Reference: Rajbhandari et al. 2020, ZeRO (arXiv 1910.02054); Zhao et al. 2023 (arXiv 2304.11277); ``fully_shard`` of
    torch through ``ModelParallelStrategy`` of Lightning.

    accel strategy=fsdp strategy.processes=2
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.strategy._distributed import Distributed

if TYPE_CHECKING:
    from pytorch_lightning.strategies import ParallelStrategy
    from torch import nn

    from accel.forecast.spread import Spread


class ReduceDtype(Enum):
    """Number format in which gradients are added up."""

    fp32 = "fp32"
    bf16 = "bf16"


@dataclass(kw_only=True)
class Fsdp(Distributed):
    """Sharded data parallelism."""

    saves_parts: ClassVar[bool] = True

    reduce_dtype: ReduceDtype = ReduceDtype.fp32
    """bf16 halves what is sent and rounds every gradient."""
    reshard_after_forward: bool = True
    """Whether a layer is freed between its forward and its backward pass; false saves a gather and costs its memory."""
    cpu_offload: bool = False
    """Whether weights and optimizer state are kept, and updated, in the host's memory."""

    @property
    def rounds_sums(self) -> bool:
        """Whether sums over the processes are rounded to fewer digits than weights have."""
        return self.reduce_dtype is ReduceDtype.bf16

    @property
    def needs_gpu(self) -> str:
        return f"{self.key}.cpu_offload=true spares a GPU's memory" if self.cpu_offload else ""

    def lightning_strategy(self) -> ParallelStrategy:
        from accel.process.lightning import ShardedStrategy

        return ShardedStrategy(
            data_parallel_size=self.num_processes(), tensor_parallel_size=1, timeout_s=self.timeout_s
        )

    def distribute(self, model: nn.Module) -> nn.Module:
        import torch

        from accel.ops.parallel.shards import Undo, shard
        from accel.ops.structured.structure import find_layers

        model.accel_undo = Undo(model)  # type: ignore[assignment]
        shard(
            model,
            find_layers(model),
            mesh=None,
            reduce_dtype=torch.bfloat16 if self.rounds_sums else None,
            reshard_after_forward=self.reshard_after_forward,
            cpu_offload=self.cpu_offload,
        )
        return model

    def collect(self, model: nn.Module) -> nn.Module:
        return model.accel_undo.restore(model)  # type: ignore[operator, union-attr]

    def spread(self) -> Spread:
        from accel.forecast.spread import Sharded

        reduced = 2 if self.rounds_sums else 4
        return Sharded(reduced_bytes=reduced, gathers=2 if self.reshard_after_forward else 1)
