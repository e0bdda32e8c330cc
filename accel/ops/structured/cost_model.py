"""What heads and channels cost, in the currency of a budget: parameters, FLOPs, bytes or milliseconds.

Every currency is linear: a fixed part, and so much for each unit of each block. For parameters, FLOPs and bytes that is
exact; for time it is a fit to what was measured on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from accel.core.family import HEADS
from accel.errors import PlanError
from accel.ops.quantize.fake_quantize import RoundedEmbedding, RoundedLinear
from accel.ops.structured.structure import Block, find_stacks
from accel.ops.vocabulary import figures as pieces

if TYPE_CHECKING:
    from accel.core.facts import Facts

TOKENS = 128
"""Length of the text whose FLOPs and time count, as in every measurement of a run."""
FLOAT_BYTES = 4


@dataclass(frozen=True)
class CostModel:
    """A currency."""

    unit: str
    """As a user types it: sparsity, flops, size_mb or latency_ms."""
    fixed: float
    per_unit: Mapping[str, float]
    """By block name."""

    def of(self, counts: Mapping[str, int]) -> float:
        """What a model with so many units in each block costs."""
        return self.fixed + sum(self.per_unit[name] * count for name, count in counts.items())

    def share_to_remove(self, blocks: Sequence[Block], budget: float, multiple_of: int, key: str) -> float:
        """Which share of what all units cost together must go, so that the model costs at most ``budget``.

        Args:
            multiple_of: the least number of channels that stays in a block.
            key: what the user typed, for messages.

        Raises:
            PlanError: the model is within the budget already, or cannot be brought there by removing units.
        """
        least = self.of({b.name: 1 if b.kind == HEADS else min(multiple_of, b.num_units) for b in blocks})
        whole = self.of({block.name: block.num_units for block in blocks})
        if budget >= whole:
            raise PlanError(
                f"{key}={budget:g}: the dense model needs {whole:.3g} and is within the budget already. Give less, or "
                f"leave prune out."
            )
        if budget < least:
            raise PlanError(
                f"{key}={budget:g} cannot be met: with one head and {multiple_of} channels per layer the model still "
                f"needs {least:.3g} of {whole:.3g}. Give more, or shrink the rest: compression=[layers], [vocabulary] "
                f"or [qat]."
            )
        return (whole - budget) / (whole - self.fixed)


def in_parameters(model: nn.Module, blocks: Sequence[Block]) -> CostModel:
    """As a share of the parameters in heads and channels."""
    each = {block.name: float(block.parameters_per_unit(model)) for block in blocks}
    whole = sum(each[block.name] * block.num_units for block in blocks)
    return CostModel("sparsity", 0.0, {name: cost / whole for name, cost in each.items()})


def in_flops(model: nn.Module, blocks: Sequence[Block], facts: Facts) -> CostModel:
    """As a share of the dense model's multiplications and additions for one text of ``TOKENS`` tokens."""
    from accel.export.onnx import random_inputs
    from accel.measure.timing import count_flops

    del facts
    training = model.training
    whole = count_flops(model.eval(), random_inputs(model, 1, TOKENS))
    model.train(training)
    each = {block.name: _flops_per_unit(model, block) / whole for block in blocks}
    units = sum(each[block.name] * block.num_units for block in blocks)
    return CostModel("flops", 1.0 - units, each)


def _flops_per_unit(model: nn.Module, block: Block) -> float:
    """Two for every weight and token; a head also multiplies queries with keys, and the result with values."""
    weights = 2 * TOKENS * block.weights_per_unit(model)
    return weights + (4 * TOKENS * TOKENS * block.unit_width if block.kind == HEADS else 0)


def in_megabytes(model: nn.Module, blocks: Sequence[Block], facts: Facts) -> CostModel:
    """Size of the weights' file: rounded weights with their scales, and without dropped pieces."""
    del facts
    each = {block.name: _bytes_per_unit(model, block) / 1e6 for block in blocks}
    whole = sum(_bytes_of(module) for module in _with_weights(model)) / 1e6
    units = sum(each[block.name] * block.num_units for block in blocks)
    return CostModel("size_mb", whole - _dropped_bytes(model) / 1e6 - units, each)


def _with_weights(model: nn.Module) -> list[nn.Module]:
    """Modules that hold a weight; one of those that share it."""
    found: dict[int, nn.Module] = {}
    for module in model.modules():
        for parameter in list(module.parameters(recurse=False))[:1]:
            found.setdefault(id(parameter), module)
    return list(found.values())


def _bytes_of(module: nn.Module) -> float:
    rest = sum(p.numel() for name, p in module.named_parameters(recurse=False) if name != "weight") * FLOAT_BYTES
    weight = module._parameters.get("weight")
    if weight is None:
        return rest
    return rest + len(weight) * _row_bytes(module, weight.numel() // len(weight))


def _weight_bytes(module: nn.Module) -> tuple[float, float]:
    """(of each value, of each row) of the module's weight as it will be stored."""
    rounder = module.weight_rounder if isinstance(module, RoundedLinear | RoundedEmbedding) else None
    if rounder is None or rounder.grid is None:
        return FLOAT_BYTES, 0
    return rounder.grid.bytes_per_weight, rounder.grid.bytes_per_row


def _row_bytes(module: nn.Module, columns: int) -> float:
    per_value, per_row = _weight_bytes(module)
    return per_value * columns + per_row


def _bytes_per_unit(model: nn.Module, block: Block) -> float:
    """Whole rows of the inputs, with their biases, and columns of the output."""
    into = 0.0
    for path in block.inputs:
        linear = model.get_submodule(path)
        bias = FLOAT_BYTES if linear.bias is not None else 0
        into += block.rows_per_unit(model, path) * (_row_bytes(linear, int(linear.in_features)) + bias)  # type: ignore[arg-type]
    output = model.get_submodule(block.output)
    column = int(output.out_features) * _weight_bytes(output)[0]  # type: ignore[arg-type]
    return into + block.unit_width * column


def _dropped_bytes(model: nn.Module) -> float:
    table = model.get_input_embeddings()  # type: ignore[operator]
    return pieces(model)["removed_pieces"] * _row_bytes(table, table.embedding_dim)


def in_milliseconds(model: nn.Module, blocks: Sequence[Block], facts: Facts) -> CostModel:
    """Time of one text of ``TOKENS`` tokens on this machine, by the run's table of measured times."""
    table = facts.latency
    assert table is not None  # the run measures it before training where a plan asks for it
    layers = sum(len(stack.layers) for stack in find_stacks(model))
    return CostModel(
        "latency_ms", table.base_ms + layers * table.per_layer_ms, {b.name: table.per_unit_ms[b.kind] for b in blocks}
    )


CURRENCIES: Mapping[str, Callable[[nn.Module, Sequence[Block], Facts], CostModel]] = {
    "target_flops": in_flops,
    "target_size_mb": in_megabytes,
    "target_latency_ms": in_milliseconds,
}
"""By the setting that asks for them."""
