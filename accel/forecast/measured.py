"""What this machine does: seconds of a step by its tokens, of the optimizer, and of collectives by their bytes.

Compute is a + c tokens, a collective alpha + bytes / beta (Hockney 1994): both are fitted to medians of few seconds of
work. All processes compute at the same time, because they share memory and clock. A strategy that keeps the model in
parts is timed with the parts too: what its passes take beyond both is its overhead.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from statistics import median

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from accel.core.console import Console
from accel.core.plan import Plan
from accel.data.prepared import Prepared, prepare
from accel.forecast.device import HERE, Device, Kind, Link
from accel.forecast.outlook import work_of
from accel.forecast.steps import Line, Pace, step_time
from accel.forecast.work import ADAMW_BYTES, WEIGHT_BYTES, Work
from accel.process.lightning import all_gather, leave_together, reduce_scatter
from accel.process.ranks import Ranks
from accel.run.fit import facts_of
from accel.run.module import TransformerModule
from accel.strategy._distributed import Distributed
from accel.strategy.single import Single

SHARES = (0.25, 0.5, 1.0)
"""Of the plan's batch, at which a step is timed."""
STEPS, WARM = 7, 2
"""Timed at each size, and left out at its beginning."""
SIZES = tuple(int(mib * 2**20) for mib in (0.125, 0.5, 2, 8, 32))
"""Bytes of the collectives that are timed."""
EXCHANGES = 5


Timing = tuple[float, float, float]
"""Tokens, seconds of both passes, seconds of the optimizer."""


def measure(plan: Plan, ranks: Ranks, console: Console) -> tuple[Device, Pace]:
    """Time a dense model's steps and the collectives, on all processes of the plan.

    Compression, a teacher and privacy are left out: what they cost depends on how far training has come.
    """
    with ranks.after_leader("forecast"):
        data = prepare(plan.task.load(plan.seed), plan)
    strategy = plan.strategy
    assert isinstance(strategy, Distributed)
    with _process_group(strategy.timeout_s), _cores_of_one(strategy.local_processes()):
        console.say("Measuring steps and collectives; nothing is trained or kept.")
        pace = fit_pace(time_steps(replace(plan, strategy=Single()), data, ranks.place.rank))
        links = {kind: time_collective(kind) for kind in Kind}
        device = as_device(work_of(plan), strategy, pace, links)
        if strategy.saves_parts:
            pace = replace(pace, overhead=fit_overhead(time_steps(plan, data, ranks.place.rank), plan, device, pace))
    return device, pace


def as_device(work: Work, strategy: Distributed, pace: Pace, links: Mapping[Kind, Link]) -> Device:
    """This machine by the constants that were measured on it."""
    seconds = pace.passes.seconds(work)
    return Device(
        name=HERE,
        source=f"measured on {strategy.num_processes()} processes of {platform.node()}; more ranks are taken to "
        f"exchange at the pace of these",
        flops_per_s=work.flops / seconds,
        utilization=1.0,
        memory_bytes=_memory_bytes(strategy.local_processes()),
        memory_bytes_per_s=ADAMW_BYTES * work.trained / pace.optimizer_s,
        per_node=strategy.local_processes(),
        inner=links[Kind.all_reduce],
        outer=links[Kind.all_reduce],
        overlaps=torch.cuda.is_available(),  # on a CPU a collective takes the cores that compute
        measured=links,
    )


def time_steps(plan: Plan, data: Prepared, rank: int) -> list[Timing]:
    """Medians of steps of several sizes under the plan's strategy; every process does the same at the same time."""
    dense = replace(plan, compression=(), privacy=None)
    module = TransformerModule(dense, facts_of(dense, data), data.objective.scores(data.validation))
    module.configure_model()
    module.model.to(_device()).train()
    optimizer = plan.trainer.optimizer(module.model)
    medians = []
    for share in SHARES:
        timed = [_step(plan, module, optimizer, b) for b in islice(_batches(dense, data, share, rank), STEPS)]
        medians.append(tuple(median(values) for values in zip(*timed[WARM:], strict=True)))
    return medians


def fit_pace(timings: Sequence[Timing]) -> Pace:
    """Of steps of a whole model."""
    return Pace(fit_line([(tokens, passes) for tokens, passes, _ in timings]), median(t[2] for t in timings))


def fit_overhead(timings: Sequence[Timing], plan: Plan, device: Device, pace: Pace) -> Line:
    """What steps of a model in parts took beyond computing and exchanging.

    Args:
        timings: of the processes of the plan.
        pace: of the whole model.
    """
    work, spread, ranks = work_of(plan), plan.strategy.spread(), plan.strategy.num_processes()
    beyond = []
    for tokens, passes, _ in timings:
        expected = step_time(replace(work, tokens=int(tokens), accumulate=1), spread, device, ranks, pace)
        beyond.append((tokens, max(0.0, passes - expected.compute_s - expected.exposed_s)))
    return fit_line(beyond)


def fit_line(points: Sequence[tuple[float, float]]) -> Line:
    """Through (tokens, seconds); neither falls below zero."""
    tokens, seconds = zip(*points, strict=True)
    per_token, at_rest = np.polyfit(tokens, seconds, deg=1)
    if at_rest < 0:  # noise; a step of no tokens takes no negative time
        at_rest, per_token = 0.0, float(np.dot(tokens, seconds) / np.dot(tokens, tokens))
    elif per_token < 0:
        at_rest, per_token = float(np.mean(seconds)), 0.0
    return Line(float(at_rest), float(per_token))


def _step(
    plan: Plan, module: TransformerModule, optimizer: torch.optim.Optimizer, batch: Mapping[str, Tensor]
) -> Timing:
    dist.barrier()
    passes = seconds_of(lambda: _pass(plan, module, batch))
    return float(batch["input_ids"].numel()), passes, seconds_of(lambda: _update(plan, module, optimizer))


def _batches(plan: Plan, data: Prepared, share: float, rank: int) -> Iterator[dict[str, Tensor]]:
    """Batches of the task's own texts, with a share of the plan's tokens."""
    given = {"batch_tokens": plan.trainer.batch_tokens, "batch_size": plan.trainer.batch_size}
    trainer = replace(plan.trainer, **{key: max(1, int(share * size)) for key, size in given.items() if size})
    order = data.sampler(replace(plan, trainer=trainer)).batches(plan.strategy.share_of(rank))
    collate = data.collator()
    for indices in cycle(order):
        yield {name: value.to(_device()) for name, value in collate([data.train[i] for i in indices]).items()}


def _pass(plan: Plan, module: TransformerModule, batch: Mapping[str, Tensor]) -> None:
    with torch.autocast(
        _device().type, torch.bfloat16, enabled=plan.trainer.trainer_args()["precision"] == "bf16-mixed"
    ):
        loss = module.step(batch)["loss"]
    loss.backward()


def _update(plan: Plan, module: TransformerModule, optimizer: torch.optim.Optimizer) -> None:
    plan.trainer.clip_gradients(module.model)
    optimizer.step()
    optimizer.zero_grad()


def time_collective(kind: Kind) -> Link:
    """A collective's time by its bytes, between all processes."""
    size = dist.get_world_size()
    points = []
    for count in SIZES:
        run = _exchange(kind, count // WEIGHT_BYTES // size * size, size)
        run()
        points.append((count, median(seconds_of(_together(run)) for _ in range(EXCHANGES))))
    return fit_link(kind, size, points)


def fit_link(kind: Kind, ranks: int, points: Sequence[tuple[float, float]]) -> Link:
    """alpha and beta through (bytes, seconds) of a collective; each point counts by its relative error."""
    counts, seconds = (np.array(values) for values in zip(*points, strict=True))
    moved = kind.passes * (ranks - 1) / ranks * counts
    messages = np.full_like(moved, kind.passes * np.ceil(np.log2(ranks)))
    columns = np.stack([moved / seconds, messages / seconds], axis=1)
    (per_byte, alpha), *_ = np.linalg.lstsq(columns, np.ones_like(moved), rcond=None)
    return Link(alpha_s=max(0.0, float(alpha)), beta_bytes_per_s=1 / max(1e-15, float(per_byte)))


def _exchange(kind: Kind, numbers: int, size: int) -> Callable[[], object]:
    """A collective as its strategy makes it: FSDP2 gathers and scatters by way of buffers that it makes each time."""
    whole = torch.zeros(numbers, device=_device())
    part = torch.zeros(numbers // size, device=_device())

    def gather() -> None:
        gathered = torch.empty_like(whole)
        all_gather(gathered, part)
        torch.empty_like(whole).copy_(gathered)

    def scatter() -> None:
        reduce_scatter(torch.empty_like(part), torch.empty_like(whole).copy_(whole))

    return {
        Kind.all_reduce: lambda: dist.all_reduce(whole),
        Kind.all_gather: gather,
        Kind.reduce_scatter: scatter,
    }[kind]


def _together(run: Callable[[], object]) -> Callable[[], object]:
    dist.barrier()
    return run


def seconds_of(run: Callable[[], object]) -> float:
    """Wall-clock seconds until the device has done it."""
    _wait()
    start = time.perf_counter()
    run()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def _memory_bytes(processes: int) -> float:
    if torch.cuda.is_available():
        return float(torch.cuda.get_device_properties(_device()).total_memory)
    import psutil

    return psutil.virtual_memory().total / processes


@contextmanager
def _process_group(timeout_s: int) -> Iterator[None]:
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=timedelta(seconds=timeout_s))
    try:
        yield
    finally:
        leave_together()


@contextmanager
def _cores_of_one(processes: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // processes))
    try:
        yield
    finally:
        torch.set_num_threads(before)
