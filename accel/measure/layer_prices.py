"""What it costs, in milliseconds on this machine, to leave a linear layer of a quantized model as it is.

The model is finished as the run would finish it, once with every layer rounded and once for each kind of layer (the
queries of all layers, say) with that kind left as it is; all are timed in turn on the engine that is fastest rounded.
What a kind costs is shared out to its layers by the weights that they have in the finished model.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from accel.core.engine import Engine
from accel.core.plan import Plan
from accel.engines.eager import Eager
from accel.measure.timing import Cost
from accel.measure.variants import time_models
from accel.ops.inputs import note_inputs
from accel.ops.quantize import fake_quantize

if TYPE_CHECKING:
    from accel.data.prepared import Prepared


@dataclass(frozen=True)
class FullPrecisionPrices:
    """Milliseconds of one text of ``SEQUENCE_LENGTH`` tokens."""

    engine: str
    """The engine, and what the rounded model computes in."""
    num_threads: int
    rounded_ms: float
    """With every layer rounded."""
    kinds_ms: dict[str, float]
    """What leaving all layers of a kind adds at most (90 %); not above zero where they are faster unrounded."""
    per_layer_ms: dict[str, float]
    """The share of each layer, by name."""


def full_precision_prices(
    model: nn.Module,
    names: Collection[str],
    plan: Plan,
    data: Prepared,
    say: Callable[[str], None],
    *,
    num_threads: int,
) -> FullPrecisionPrices:
    """Time the model of a run that is about to round it.

    Args:
        model: as it is trained; stays as it is.
        names: of the layers that may stay in full precision.
        num_threads: with which the run will be measured.

    Raises:
        RunError: no engine can be timed.
    """
    rounded = _finished(model, plan, ())
    kinds = _by_kind(names)

    def timed(models: Sequence[nn.Module], engines: Sequence[Engine]) -> Mapping[str, list[Cost]]:
        for each in models:
            note_inputs(each, data.input_names)
        return time_models(models, engines, data.tokenizer, data.objective, say)

    with _threads(num_threads):
        engines = _engines(plan)
        found = timed([rounded], list(engines.values()))
        fastest = min((costs[0] for costs in found.values()), key=lambda cost: cost.latency_ms_p50)
        costs = timed([rounded, *(_finished(model, plan, kind) for kind in kinds.values())], [engines[fastest.engine]])
    whole, *left = next(iter(costs.values()))
    return shared_out(whole, dict(zip(kinds, left, strict=True)), _weights(rounded, names))


def _engines(plan: Plan) -> dict[str, Engine]:
    """Those that multiply int8, and eager, which runs everywhere, by name."""
    able = [engine for engine in (*plan.engines, Eager()) if engine.multiplies_int8]
    return {engine.option_name(): engine for engine in able}


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Those of the other processes too, which wait. Random numbers go on as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)


def _weights(finished: nn.Module, names: Collection[str]) -> dict[str, int]:
    """How many each layer has once masked units are gone."""
    layers: dict[str, Any] = {name: finished.get_submodule(fake_quantize.finished_name(name)) for name in names}
    return {name: layer.in_features * layer.out_features for name, layer in layers.items()}


def shared_out(rounded: Cost, left: Mapping[str, Cost], weights: Mapping[str, int]) -> FullPrecisionPrices:
    """The prices of what was measured, as high as the intervals of both medians allow.

    Args:
        rounded: with every layer rounded.
        left: with one kind left, by kind.
        weights: of each layer, by name.
    """
    kinds = _by_kind(weights)
    added = {kind: cost.latency_ms_p50_interval[1] - rounded.latency_ms_p50_interval[0] for kind, cost in left.items()}
    per_layer = {}
    for kind, names in kinds.items():
        whole = sum(weights[name] for name in names)
        per_layer |= {name: added[kind] * weights[name] / whole for name in names}
    return FullPrecisionPrices(
        engine=rounded.label,
        num_threads=rounded.num_threads,
        rounded_ms=rounded.latency_ms_p50,
        kinds_ms=added,
        per_layer_ms={name: per_layer[name] for name in weights},
    )


def _by_kind(names: Collection[str]) -> dict[str, list[str]]:
    """Names that differ in the number of their layer alone."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "*", name), []).append(name)
    return kinds


def _finished(model: nn.Module, plan: Plan, left: Collection[str]) -> nn.Module:
    """A copy as the run would export it now, with the named layers unrounded."""
    finished: Any = copy.deepcopy(model)
    fake_quantize.keep_full_precision(finished, dict.fromkeys(left, "timed without rounding"))
    finished = plan.trainer.release(finished).cpu().float().eval().requires_grad_(False)
    for technique in plan.techniques:
        finished = technique.export(finished).eval()
    return finished
