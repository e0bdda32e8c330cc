"""What layers, heads and channels cost in milliseconds on this machine: measured once, then kept.

A few sizes of the model are exported and timed in turn, on the engines of the run and in int8 where the plan quantizes.
A plane through these times says what a unit costs; how far it misses them stands in the record.
"""

from __future__ import annotations

import copy
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock
from torch import nn

from accel import __version__
from accel.compression._quantization import Quantization
from accel.core.console import Console
from accel.core.facts import LatencyTable
from accel.core.family import CHANNELS, HEADS
from accel.core.option import typed
from accel.core.plan import Plan, digest
from accel.errors import RunError
from accel.measure.variants import time_models
from accel.ops.structured.structure import find_blocks, find_stacks, keep_layers, remove_units
from accel.report.record import processor, versions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective

SHARES = ((1.0, 1.0), (0.5, 1.0), (1.0, 0.5), (0.5, 0.5), (0.25, 0.25), (0.1, 0.1))
"""(heads, channels) that stay in every layer of the models that are timed."""
CHANNEL_MULTIPLE = 32
LEAST_MS = 1e-6
"""A unit whose cost drowns in the noise is cheap, not free."""


def latency_table(
    plan: Plan, tokenizer: PreTrainedTokenizerBase, objective: Objective, console: Console
) -> tuple[LatencyTable, bool]:
    """The table for the plan's architecture, engines and number of threads, and whether it was there before.

    Raises:
        RunError: the model has no heads or channels that accel knows, or no engine runs it.
    """
    file = plan.cache / "latency" / f"{_content_hash(plan, objective)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        try:
            return LatencyTable(**json.loads(file.read_text("utf8"))), True
        except (OSError, ValueError, TypeError):
            made = _measure(plan, tokenizer, objective, console)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(made), indent=1), "utf8")
        temporary.replace(file)
        return made, False


def _content_hash(plan: Plan, objective: Objective) -> str:
    """Over everything that times depend on and can be known."""
    engines = {typed(engine): engine.settings() for engine in plan.engines}
    packages = sorted({name for engine in plan.engines for name in engine.packages})
    installed = versions(["torch", "transformers", *packages])
    what = [plan.model.fingerprint(), objective.name, engines, _scheme(plan), torch.get_num_threads()]
    return digest([*what, processor(), platform.node(), __version__, installed])[:24]


def _quantization(plan: Plan) -> Quantization | None:
    return next((technique for technique in plan.compression if isinstance(technique, Quantization)), None)


def _scheme(plan: Plan) -> list[Any]:
    """All that says how the models are rounded."""
    found = _quantization(plan)
    if found is None:
        return []
    return [found.scheme.name, found.group_size, found.symmetric, found.embeddings, found.embedding_bits]


def _measure(plan: Plan, tokenizer: PreTrainedTokenizerBase, objective: Objective, console: Console) -> LatencyTable:
    dense = plan.model.network(objective).eval()
    if not find_blocks(dense):
        raise RunError("compression.prune.target_latency_ms needs a model with heads or channels that accel knows.")
    sizes = [_smaller(dense, *share) for share in SHARES]
    sizes.append(_shallower(dense))
    console.say(f"Latency table: timing {len(sizes)} sizes of the model once; later runs on this machine reuse it")
    models = [_rounded(model, plan) for model in sizes]
    found = time_models(models, plan.engines, tokenizer, objective, lambda text: console.say(f"  {text}"))
    times = {label: [cost.latency_ms_p50 for cost in costs] for label, costs in found.items()}
    return fit(times, [_counts(model) for model in models])


def _smaller(dense: nn.Module, heads: float, channels: float) -> nn.Module:
    model = copy.deepcopy(dense)
    for block in find_blocks(model):
        step = CHANNEL_MULTIPLE if block.kind == CHANNELS else 1
        share = channels if block.kind == CHANNELS else heads
        count = min(block.num_units, max(step, round(share * block.num_units / step) * step))
        remove_units(model, block, torch.arange(block.num_units) < count)
    return model


def _shallower(dense: nn.Module) -> nn.Module:
    model = copy.deepcopy(dense)
    for stack in find_stacks(model):
        keep_layers(model, stack, range(max(1, len(stack.layers) // 2)))
    return model


def _rounded(model: nn.Module, plan: Plan) -> nn.Module:
    """The model as the run will store it."""
    quantization = _quantization(plan)
    if quantization is None:
        return model
    from accel.ops.quantize import fake_quantize

    fake_quantize.prepare(model, quantization.how())
    return fake_quantize.convert(model)


def _counts(model: nn.Module) -> dict[str, int]:
    units = {HEADS: 0, CHANNELS: 0}
    for block in find_blocks(model):
        units[block.kind] += block.num_units
    return {"layers": sum(len(stack.layers) for stack in find_stacks(model)), **units}


def fit(times: Mapping[str, Sequence[float]], counts: Sequence[Mapping[str, int]]) -> LatencyTable:
    """The plane through the times of the engine that is fastest at the first size.

    Least squares of the relative error, so that small models count as much as large ones.

    Args:
        times: by engine, one for each size.
        counts: layers, heads and channels of each size.
    """
    engine = min(times, key=lambda label: times[label][0])
    ms = np.array(times[engine])
    names = ("layers", HEADS, CHANNELS)
    columns = np.array([[1.0, *(size[name] for name in names)] for size in counts])
    prices = np.linalg.lstsq(columns / ms[:, None], np.ones(len(ms)), rcond=None)[0]
    prices = np.maximum(prices, LEAST_MS)
    base, layer, head, channel = (float(price) for price in prices)
    return LatencyTable(
        engine=engine,
        num_threads=torch.get_num_threads(),
        base_ms=base,
        per_layer_ms=layer,
        per_unit_ms={HEADS: head, CHANNELS: channel},
        points=[
            {**size, "ms": float(t), "fitted_ms": float(row @ prices)}
            for size, t, row in zip(counts, ms, columns, strict=True)
        ],
    )
