"""What a model costs to run, measured so that it can be believed: interleaved, in one process, on the same inputs."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from accel.core.engine import EngineUnavailableError, Inputs, Runner

ROUNDS = 60
MIN_ROUNDS = 15
BUDGET_S = 40.0
"""All rounds of one measurement together; a slow machine gets fewer rounds, never fewer than ``MIN_ROUNDS``."""
THROUGHPUT_BATCH = 16
PLAIN = "eager"
"""The engine that every user of PyTorch has: it reads the safetensors, and speed-ups are stated over it too."""


@dataclass(frozen=True)
class Cost:
    """One engine's figures; the keys of ``cost`` in result.json."""

    num_parameters: int
    nonzero_fraction: float
    size_bytes: int
    flops: int
    """Multiplications and additions of one example at ``sequence_length``."""
    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p50_interval: tuple[float, float]
    """Bootstrap 90 % interval of the median."""
    throughput_per_s: float
    """Examples per second in batches of ``THROUGHPUT_BATCH``."""
    peak_memory_bytes: int | None
    """How much the process grew while the engine was loaded and made ready; None where the system does not tell."""
    engine: str
    dtype: str
    batch_size: int
    sequence_length: int
    num_threads: int
    rounds: int
    device: str = "cpu"
    """What it kept busy."""

    @property
    def label(self) -> str:
        return f"{self.engine} {self.dtype}"


@dataclass(frozen=True)
class Size:
    """What does not depend on the engine."""

    num_parameters: int
    nonzero_fraction: float
    flops: int


@dataclass(frozen=True)
class Candidate:
    """An engine to be measured: made only when its turn comes, as some take long to make."""

    engine: str
    dtype: str
    """What its products compute in."""
    make: Callable[[], Runner]
    size: Size

    @property
    def label(self) -> str:
        """``inductor int8``."""
        return f"{self.engine} {self.dtype}"


@dataclass
class Measurement:
    """Every engine's figures on one side or both, and why some are missing."""

    before: list[Cost] = field(default_factory=list)
    after: list[Cost] = field(default_factory=list)
    beside: list[Cost] = field(default_factory=list)
    """Of files that the model was written as too, and that nobody would choose for speed."""
    skipped: dict[str, str] = field(default_factory=dict)
    noise_ratio: float = 1.0
    """Median of an engine over the median of the very same engine measured beside it: what is not real."""

    def fastest(self, side: Sequence[Cost]) -> Cost:
        """The engine a user would choose."""
        return min(side, key=lambda cost: cost.latency_ms_p50)


@dataclass
class _Loaded:
    side: str
    candidate: Candidate
    runner: Runner
    memory: int | None
    times_ms: list[float] = field(default_factory=list)
    batch_times_s: list[float] = field(default_factory=list)


def measure(
    before: Sequence[Candidate],
    after: Sequence[Candidate],
    inputs: Inputs,
    batch: Inputs,
    *,
    beside: Sequence[Candidate] = (),
    rounds: int | None = None,
    on_progress: Callable[[str], None] = lambda text: None,
) -> Measurement:
    """Time every engine of both sides, and what is to be known beside them, in turn.

    Args:
        inputs: one example [1, SEQUENCE_LENGTH], for latency.
        batch: ``THROUGHPUT_BATCH`` examples, for throughput.
        rounds: how often each engine is called; ``ROUNDS`` if not given.
    """
    result = Measurement()
    sides = {"before": before, "after": after, "beside": beside}
    loaded = _load(sides, inputs, batch, result, on_progress)
    if not loaded:
        return result
    on_progress(f"timing {len(loaded)} engines in turn")
    noise = _time_in_turn(loaded, inputs, batch, rounds or ROUNDS)
    first = loaded[0]
    result.noise_ratio = statistics.median(noise) / statistics.median(first.times_ms)
    for item in loaded:
        getattr(result, item.side).append(_cost(item, inputs))
        item.runner.close()
    return result


def _load(
    sides: Mapping[str, Sequence[Candidate]],
    inputs: Inputs,
    batch: Inputs,
    result: Measurement,
    on_progress: Callable[[str], None],
) -> list[_Loaded]:
    loaded = []
    for side, candidates in sides.items():
        for candidate in candidates:
            on_progress(f"making {candidate.label} ready ({side})")
            memory = _Growth()
            try:
                runner = candidate.make()
                runner.prepare(inputs)
                grown = memory.bytes()
                runner.prepare(batch)
            except EngineUnavailableError as error:
                result.skipped[f"{candidate.label} ({side})"] = str(error)
                continue
            loaded.append(_Loaded(side, candidate, runner, grown))
    return loaded


def _time_in_turn(loaded: Sequence[_Loaded], inputs: Inputs, batch: Inputs, rounds: int) -> list[float]:
    """Fill in every engine's times; returns those of the first engine measured a second time (A/A)."""
    order = random.Random(0)
    noise: list[float] = []
    turns = [*range(len(loaded)), -1]
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    try:
        for number in range(rounds):
            order.shuffle(turns)  # whoever follows a heavy engine finds a cold cache: take turns at that too
            for turn in turns:
                item = loaded[max(turn, 0)]
                (noise if turn < 0 else item.times_ms).append(_timed_ms(item.runner, inputs))
            if number % 5 == 0:
                for item in loaded:
                    item.batch_times_s.append(_timed_ms(item.runner, batch) / 1e3)
            if number + 1 >= MIN_ROUNDS and time.perf_counter() - start > BUDGET_S:
                break
    finally:
        gc.enable()
    return noise


def _timed_ms(runner: Runner, inputs: Inputs) -> float:
    start = time.perf_counter()
    runner.run(inputs)
    return (time.perf_counter() - start) * 1e3


def _cost(item: _Loaded, inputs: Inputs) -> Cost:
    batch_size, length = inputs["input_ids"].shape
    return Cost(
        **asdict(item.candidate.size),
        size_bytes=item.runner.size_bytes,
        latency_ms_p50=statistics.median(item.times_ms),
        latency_ms_p95=float(np.percentile(item.times_ms, 95)),
        latency_ms_p50_interval=median_interval(item.times_ms),
        throughput_per_s=THROUGHPUT_BATCH / statistics.median(item.batch_times_s),
        peak_memory_bytes=item.memory,
        engine=item.candidate.engine,
        dtype=item.candidate.dtype,
        batch_size=batch_size,
        sequence_length=length,
        num_threads=torch.get_num_threads(),
        rounds=len(item.times_ms),
        device=item.runner.device,
    )


def median_interval(values: Sequence[float], confidence: float = 0.9, draws: int = 1000) -> tuple[float, float]:
    """Percentile bootstrap interval of the median (Efron 1979)."""
    generator = np.random.default_rng(0)
    samples = generator.choice(np.asarray(values), size=(draws, len(values)))
    low, high = np.percentile(np.median(samples, axis=1), [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)


def summarize(found: Measurement) -> dict[str, Any]:
    """Ratios and a plain sentence; empty where one side is missing."""
    if not found.after:
        return {"skipped": found.skipped}
    summary: dict[str, Any] = {"skipped": found.skipped, "noise_ratio": found.noise_ratio}
    if not found.before:
        return summary
    best, best_dense = found.fastest(found.after), found.fastest(found.before)
    eager = next((c for c in found.before if c.label == f"{PLAIN} float32"), None)
    plain = eager or best_dense
    ratio = best_dense.latency_ms_p50 / best.latency_ms_p50
    if eager is not None:
        summary["speedup_vs_eager"] = eager.latency_ms_p50 / best.latency_ms_p50
    return summary | {
        "speedup_vs_best_dense": ratio,
        "size_ratio": plain.size_bytes / best.size_bytes,
        "size_ratio_over": plain.label,
        "verdict": _verdict(ratio, best, best_dense),
    }


def _verdict(ratio: float, best: Cost, best_dense: Cost) -> str:
    engines = f"{best.label} {best.latency_ms_p50:.2f} ms, dense {best_dense.label} {best_dense.latency_ms_p50:.2f} ms"
    apart = best.latency_ms_p50_interval[1] < best_dense.latency_ms_p50_interval[0]
    if ratio > 1 and not apart:
        return f"Not shown to be faster than the best dense engine on this machine: the intervals overlap ({engines})."
    if ratio <= 1:
        return f"No speed-up on this machine over the best dense engine ({engines})."
    return f"{ratio:.2f}x faster than the best dense engine on this machine ({engines})."


def size_of(model: nn.Module, inputs: Inputs, num_parameters: int, nonzero: int) -> Size:
    """Parameters, share that is not zero, and FLOPs of the model as it computes in fp32."""
    return Size(num_parameters, nonzero / max(1, num_parameters), count_flops(model, inputs))


def count_flops(model: nn.Module, inputs: Inputs) -> int:
    """Multiplications and additions of one forward pass; attention is counted through its matrix products."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(**tensors)
    return int(counter.get_total_flops())


class _Growth:
    """How much this process's resident memory grows, at its highest, from now on (Linux)."""

    def __init__(self) -> None:
        gc.collect()
        try:
            with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
                file.write("5")  # resets the high-water mark
        except OSError:
            self.start: int | None = None
            return
        self.start = _status("VmRSS")

    def bytes(self) -> int | None:
        """Since construction; None where it cannot be told."""
        highest = _status("VmHWM")
        return None if self.start is None or highest is None else max(0, highest - self.start)


def _status(name: str) -> int | None:
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            line = next(line for line in lines if line.startswith(name))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024
