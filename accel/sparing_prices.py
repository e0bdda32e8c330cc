"""What it costs, in milliseconds on this machine, to leave a linear layer of a quantized model as it is.

The model is finished as the run would finish it, once with every layer rounded and once for each kind of layer (the
queries of all layers, say) with that kind left as it is; all are timed in turn on the engine that is fastest rounded.
What a kind costs is shared out to its layers by their weights.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from accel.measure import Cost
from accel.ops import rounding
from accel.plan import Plan
from accel.timed_models import time_models

if TYPE_CHECKING:
    from accel.data.prepared import Prepared


@dataclass(frozen=True)
class SparingPrices:
    """Milliseconds of one text of ``SEQUENCE_LENGTH`` tokens."""

    engine: str
    """The engine, and what the rounded model computes in."""
    rounded_ms: float
    """With every layer rounded."""
    kinds_ms: dict[str, float]
    """What leaving all layers of a kind adds at most (90 %); not above zero where they are faster unrounded."""
    per_layer_ms: dict[str, float]
    """The share of each layer, by name."""


def sparing_prices(
    model: nn.Module, weights: Mapping[str, int], plan: Plan, data: Prepared, say: Callable[[str], None]
) -> SparingPrices:
    """Time the model of a run that is about to round it.

    Args:
        model: as it is trained; stays as it is.
        weights: how many each layer has that may be spared, by name.

    Raises:
        RunError: no engine of the run can be timed.
    """
    kinds = _by_kind(weights)

    def timed(left: Collection[Collection[str]], engines: list[str]) -> Mapping[str, list[Cost]]:
        models = [_finished(model, plan, names) for names in left]
        return time_models(models, engines, data.tokenizer, data.objective, say)

    rounded = timed([()], list(plan.engines))
    fastest = min((costs[0] for costs in rounded.values()), key=lambda cost: cost.latency_ms_p50)
    costs = timed([(), *kinds.values()], [fastest.engine])[fastest.label]
    return shared_out(costs[0], dict(zip(kinds, costs[1:], strict=True)), weights)


def shared_out(rounded: Cost, left: Mapping[str, Cost], weights: Mapping[str, int]) -> SparingPrices:
    """The prices of what was measured, as high as the intervals of both medians allow.

    Args:
        rounded: with every layer rounded.
        left: with one kind left, by kind.
    """
    kinds = _by_kind(weights)
    added = {kind: cost.latency_ms_p50_interval[1] - rounded.latency_ms_p50_interval[0] for kind, cost in left.items()}
    per_layer = {}
    for kind, names in kinds.items():
        whole = sum(weights[name] for name in names)
        per_layer |= {name: added[kind] * weights[name] / whole for name in names}
    return SparingPrices(rounded.label, rounded.latency_ms_p50, added, {name: per_layer[name] for name in weights})


def _by_kind(names: Collection[str]) -> dict[str, list[str]]:
    """Names that differ in the number of their layer alone."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "*", name), []).append(name)
    return kinds


def _finished(model: nn.Module, plan: Plan, left: Collection[str]) -> nn.Module:
    """A copy as the run would export it now, with the named layers unrounded."""
    finished: Any = copy.deepcopy(model)
    rounding.spare(finished, dict.fromkeys(left, "timed without rounding"))
    finished = plan.trainer.release(finished).float().eval().requires_grad_(False)
    for technique in plan.techniques:
        finished = technique.export(finished).eval()
    return finished
