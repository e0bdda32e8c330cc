"""Tensor parallel training: every layer's heads and channels are split over processes that see the same tokens.

What it does: each process computes its own attention heads and feed-forward channels; one sum per block brings them
    together (Megatron's column and row split). ``data_parallel=N`` makes N such groups, which share out the examples
    and shard their weights among each other (FSDP2), on a mesh of two dimensions.
Use it when: one layer, or one example's activations, is too large or too slow for a device, and the devices are joined
    by fast links.
What it costs: four sums of a layer's output per layer and step, which cannot be hidden; embeddings stay whole,
    and so do T5's heads.
Composes with: lora, prune, mask, layers, vocabulary, distill, ptq; qat and privacy need whole rows and gradients.
Off switch: ``strategy=ddp`` or ``strategy=fsdp``, or ``strategy=single``.
Reference: Shoeybi et al. 2019, Megatron-LM (arXiv 1909.08053); ``DTensor`` of torch through ``ModelParallelStrategy``
    of Lightning.

    accel strategy=tensor_parallel strategy.processes=4 strategy.data_parallel=2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Evidence, Facts, History
from accel.core.family import SUPPORTED_FAMILIES
from accel.core.option import Objection
from accel.errors import DataError, RunError
from accel.strategy._distributed import Distributed

if TYPE_CHECKING:
    from pytorch_lightning.strategies import ParallelStrategy
    from torch import nn

    from accel.core.plan import Plan
    from accel.forecast.spread import Spread


@dataclass(kw_only=True)
class TensorParallel(Distributed):
    """Split layers, and sharded data parallelism around them."""

    saves_parts: ClassVar[bool] = True

    data_parallel: int = 1
    """Into how many groups the processes fall, each with a share of the examples; each group splits the layers."""

    @property
    def size(self) -> int:
        """Among how many processes a layer is split."""
        return self.num_processes() // self.data_parallel

    def num_shares(self) -> int:
        return self.data_parallel

    def share_of(self, rank: int) -> int:
        return rank // self.size

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.data_parallel < 1:
            yield self.out_of_range("data_parallel", "at least 1", "1")
        elif self.processes % self.data_parallel or self.size < 2:
            yield self.out_of_range(
                "data_parallel",
                f"a divisor of strategy.processes={self.processes} that leaves at least two processes to each group",
                "1",
            )
        family = plan.model.family()
        if family is not None and family not in SUPPORTED_FAMILIES:
            yield Objection(
                f"strategy=tensor_parallel  with a {family} model",
                f"accel knows where heads and channels lie in {', '.join(SUPPORTED_FAMILIES)}, not in {family}",
                "strategy=fsdp, which shards every model",
            )

    @property
    def has_budget(self) -> bool:
        return True

    def check_budget(self, model: nn.Module, facts: Facts) -> None:
        """Refuse a model of which nothing can be split."""
        del facts
        from accel.ops.parallel.tensor_split import splittable

        if not splittable(model, self.size):
            family = model.config.model_type  # type: ignore[union-attr]
            raise RunError(
                f"strategy=tensor_parallel would split nothing: no block of this {family} model has a number of heads "
                f"or channels that {self.size} processes can share evenly. Use another strategy.processes, or "
                "strategy=fsdp, which shards every model."
            )

    def lightning_strategy(self) -> ParallelStrategy:
        from accel.process.lightning import ShardedStrategy

        return ShardedStrategy(
            data_parallel_size=self.data_parallel, tensor_parallel_size=self.size, timeout_s=self.timeout_s
        )

    def distribute(self, model: nn.Module) -> nn.Module:
        from accel.ops.parallel.shards import Undo, mesh_of, shard
        from accel.ops.parallel.tensor_split import cut_along, split
        from accel.ops.structured.structure import find_layers

        self.check_budget(model, None)  # type: ignore[arg-type]
        groups, within = mesh_of(self.data_parallel, self.size)
        model.accel_undo = Undo(model)  # type: ignore[assignment]
        split(model, within)
        if self.data_parallel > 1:
            shard(
                model,
                find_layers(model),
                mesh=groups,
                reduce_dtype=None,
                reshard_after_forward=True,
                cpu_offload=False,
                dimension=cut_along,
            )
        return model

    def collect(self, model: nn.Module) -> nn.Module:
        from accel.ops.parallel.tensor_split import forget

        model = model.accel_undo.restore(model)  # type: ignore[operator, union-attr]
        forget(model, self.size)
        return model

    def spread(self) -> Spread:
        from accel.forecast.spread import Split

        if self.data_parallel > 1:
            raise DataError(
                f"strategy.data_parallel={self.data_parallel}: the forecast knows meshes of one dimension. Ask about "
                "strategy.data_parallel=1, and about strategy=fsdp."
            )
        return Split()

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.parallel.tensor_split import splittable
        from accel.ops.structured.structure import find_blocks

        found = super().evidence(model, history)
        blocks = {"split_blocks": len(splittable(model, self.size)), "blocks": len(find_blocks(model, wrapped=True))}
        return Evidence(acted=found.acted, figures={**found.figures, **blocks}, expected=found.expected)
