"""A batch that fits into memory: what a step takes is measured on a copy, and a batch is cut into as few pieces as fit.

The pieces are added up to the same step (``trainer.accumulate``), so what is learned stays what was asked for. Of
several processes the first one of each machine measures for all that share it, and the least room decides.
"""

from __future__ import annotations

import gc
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from accel.core.durable import write_durably
from accel.core.hardware import free_memory_bytes
from accel.core.plan import Plan
from accel.data.prepared import Prepared
from accel.errors import DataError
from accel.ops.structured.structure import find_stacks
from accel.run.baseline import dense_plan
from accel.run.learning_rate import LOWEST
from accel.run.rehearsal import Rehearsal, untrained_teacher

if TYPE_CHECKING:
    from accel.core.console import Console
    from accel.core.facts import LatencyTable
    from accel.run.state import RunState

KEPT = "batch_memory.json"
"""In the run's folder: what was found, for a run that goes on."""
PROBES = (1, 3)
"""Examples of a step that is measured, the longest ones: two steps tell what an example adds."""
USED = 0.8
"""Of the free memory; the rest is for what no step shows, such as fragments of an allocator."""
BACKWARD = 1.25
"""Times what a forward pass keeps: in the backward pass gradients of the largest values stand beside it."""


@dataclass(frozen=True)
class Need:
    """What a step takes, in bytes: a part that every step has, and one for each of its longest examples."""

    fixed: float
    per_example: float

    @classmethod
    def of(cls, measured: dict[int, int]) -> Need:
        """Of bytes by number of examples, two of them."""
        (few, less), (many, more) = sorted(measured.items())
        per_example = (more - less) / (many - few)
        return cls(less - few * per_example, per_example)

    def examples(self, free: float) -> int:
        """How many fit, at most."""
        return max(0, math.floor((free * USED - self.fixed) / max(1.0, self.per_example)))


def with_fitting_batch(run: RunState, data: Prepared, console: Console, latency: LatencyTable | None = None) -> None:
    """Give the run's plan pieces that fit, in place of the wish to find them, and note it; nothing without the wish.

    Raises:
        DataError: not even the longest example fits.
    """
    trainer = run.plan.trainer
    if not trainer.fit_memory:
        return
    if run.resume:
        kept = str(json.loads((run.folder / KEPT).read_text("utf8"))["pieces"]) if run.leads else ""
        run.plan = _in_pieces(run.plan, int(run.ranks.agree("pieces", kept)))
        return
    room = _room(run, data, latency) if run.ranks.place.leads_node else None
    pieces = int(run.ranks.agree("pieces", str(room.pieces) if room else ""))
    run.plan = _in_pieces(run.plan, pieces)
    if room is None or not run.leads:
        return
    repeat = _repeat(run.plan)
    found = {
        "pieces": pieces,
        "free_bytes": int(room.free),
        "bytes_per_example": int(room.need.per_example),
        "examples_at_once": room.examples,
    }
    run.record["found"] = {**(run.record.get("found") or {}), "batch_memory": {**found, "repeat": repeat}}
    write_durably(run.folder / KEPT, json.dumps({"pieces": pieces}))
    console.say(
        f"\nMemory: an example of {room.longest} tokens takes {_gib(room.need.per_example)} in training, and "
        f"{_gib(room.free)} are free{' for each process' if run.plan.strategy.local_processes() > 1 else ''}"
        f"{f', and another machine has room for {room.examples} of them' if room.elsewhere else ''}: "
        f"{'a whole batch fits' if pieces == 1 else f'each batch is cut into {pieces} pieces'}.\n"
        f"The same without looking: {' '.join(repeat)}"
    )


@dataclass(frozen=True)
class Room:
    """What was measured on this machine, and what follows for all."""

    need: Need
    free: float
    """Bytes for each process."""
    examples: int
    """What the machine with the least room takes at once."""
    elsewhere: bool
    """Whether that is another machine."""
    longest: int
    """Tokens of the longest example."""
    pieces: int


def _room(run: RunState, data: Prepared, latency: LatencyTable | None) -> Room:
    """Raises DataError where not even one example fits."""
    trainer, longest = run.plan.trainer, int(data.learned(run.plan).lengths.max())
    plans = [run.plan, *([dense_plan(run.plan)] if run.plan.needs_baseline else [])]
    with run.timed("batch memory"):
        needs = [needed(_in_pieces(plan, 1), data, latency) for plan in plans]
    free = min(left for _, left in needs)
    need = max((need for need, _ in needs), key=lambda one: one.fixed + one.per_example)
    mine = min(need.examples(left) for need, left in needs)
    examples = int(run.ranks.least("examples", mine))
    pieces = pieces_for(trainer.batch_tokens, trainer.batch_size, longest, examples)
    if pieces is None and mine:
        raise DataError(
            f"trainer.fit_memory=true: another machine of the run has no room for a step with one text of {longest} "
            f"tokens; this one has. What else runs there? Or keep less: tuning=lora, task.max_length."
        )
    if pieces is None:
        raise DataError(
            f"trainer.fit_memory=true: a step with one text of {longest} tokens takes "
            f"{_gib(need.fixed + need.per_example)}, and {_gib(free * USED)} are free. Choose a smaller model or "
            f"task.max_length, or keep less: tuning=lora, trainer.activation_checkpointing=true."
        )
    return Room(need, free, examples, examples < mine, longest, pieces)


def _repeat(plan: Plan) -> list[str]:
    """As it is typed without looking at the memory."""
    found = plan.trainer
    sizes = [f"trainer.{k}={v}" for k in ("batch_tokens", "batch_size") if (v := getattr(found, k)) is not None]
    return ["trainer.fit_memory=false", f"trainer.accumulate={found.accumulate}", *sizes]


def pieces_for(batch_tokens: int | None, batch_size: int | None, longest: int, examples: int) -> int | None:
    """In how many pieces a batch has no more than so many of its longest examples; None where none fits.

    A number of examples is cut into equal pieces, so that the step has as many as were asked for.
    """
    if examples < 1:
        return None
    if batch_size is not None:
        equal = (pieces for pieces in range(1, batch_size + 1) if batch_size % pieces == 0)
        return next(pieces for pieces in equal if batch_size // pieces <= examples)
    assert batch_tokens is not None, "one of them bounds a batch"
    # A piece that has no room for the longest text holds it all the same, alone.
    return math.ceil(batch_tokens / min(batch_tokens, examples * longest))


def needed(plan: Plan, data: Prepared, latency: LatencyTable | None) -> tuple[Need, float]:
    """What a step takes beside model and optimizer, and what is free for it."""
    if plan.trainer.wants_learning_rate:
        plan = replace(plan, trainer=plan.trainer.with_learning_rate(LOWEST))
    longest = np.argsort(-data.learned(plan).lengths, kind="stable").tolist()
    with untrained_teacher(plan, data) as teacher, torch.random.fork_rng():
        rehearsal = Rehearsal(plan, data, latency, teacher)
        rehearsal.learn(longest[:1])
        rehearsal.update()  # from here on the optimizer has what it keeps
        held = held_bytes(rehearsal)
        free = free_memory_bytes(plan.strategy.local_processes(), held)
        found = {count: kept_bytes(rehearsal, longest[:count]) for count in PROBES if count <= len(longest)}
        need = Need.of(found if len(found) > 1 else {0: 0, **found})
        gradients = sum(p.nbytes for p in rehearsal.module.model.parameters() if p.requires_grad)
        sent = gradients if plan.strategy.num_processes() > 1 else 0  # from buckets of their own
        again = _recomputed(rehearsal, longest[:1]) if plan.trainer.recomputes else 0
    gc.collect()
    return Need(BACKWARD * need.fixed + gradients + sent, BACKWARD * (need.per_example + again)), free


def held_bytes(rehearsal: Rehearsal) -> int:
    """Of the model and of what its optimizer keeps: what each process has before a step."""
    moments = (value for state in rehearsal.optimizer.state.values() for value in state.values())
    tensors = [*rehearsal.module.model.state_dict().values(), *(m for m in moments if isinstance(m, Tensor))]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def kept_bytes(rehearsal: Rehearsal, indices: list[int]) -> int:
    """Of all values that stay for the backward pass of these examples; the model's own are not among them."""
    own = {tensor.untyped_storage().data_ptr() for tensor in rehearsal.module.model.state_dict().values()}
    kept: dict[int, int] = {}

    def note(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        loss = rehearsal.loss(indices)
    loss.backward()
    rehearsal.optimizer.zero_grad()
    return sum(size for place, size in kept.items() if place not in own)


def _recomputed(rehearsal: Rehearsal, indices: list[int]) -> float:
    """What one layer computes again in the backward pass: the insides of all of them, in equal parts."""
    model = rehearsal.plan.trainer.release(rehearsal.module.model)
    rehearsal.module.model = model
    return kept_bytes(rehearsal, indices) / max(1, sum(len(stack.layers) for stack in find_stacks(model)))


def _in_pieces(plan: Plan, pieces: int) -> Plan:
    return replace(plan, trainer=plan.trainer.in_pieces(pieces))


def _gib(size_bytes: float) -> str:
    return f"{size_bytes / 2**30:.2f} GiB" if size_bytes >= 0.1 * 2**30 else f"{size_bytes / 2**20:.1f} MiB"
