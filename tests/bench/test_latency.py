"""A compressed model against the dense one on every engine here, one text of 128 tokens at a time, in turn.

pytest -s tests/bench/test_latency.py     # of MiniLM cut and rounded without any training
ACCEL_RUN=outputs/DATE/TIME ACCEL_DENSE=~/.cache/accel/baselines/… pytest -s tests/bench/test_latency.py   # of your own

Beside each figure stands what the machine could do at best: the model's FLOPs at the speed of a large fp32 product.
The figures go to latency.json in ACCEL_BENCH_OUT, or in the current folder.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from accel import artifact
from accel.baseline import folder_of
from accel.compose import compose
from accel.console import Console
from accel.data.prepared import prepare
from accel.exported import artifact_folder
from accel.measure import SEQUENCE_LENGTH, THROUGHPUT_BATCH, measure, summarize
from accel.measured import candidates, dense_candidates
from accel.onnx_export import random_inputs
from accel.plan import decide
from accel.report.record import processor, read_record

ENGINES = ["eager", "inductor", "onnxruntime", "openvino"]
UNTRAINED = [
    "task=airline", "model=minilm", "tracker=none", "compression=[prune,ptq,vocabulary]", "trainer.max_steps=2",
    "compression.prune.score=magnitude", "compression.prune.target_flops=0.3", "engines=[onnxruntime,openvino]",
]  # fmt: skip


def run_of(tmp_path):
    if "ACCEL_RUN" in os.environ:
        return Path(os.environ["ACCEL_RUN"])
    subprocess.run([sys.executable, "-m", "accel", *UNTRAINED, f"hydra.run.dir={tmp_path / 'run'}"], check=True)
    return tmp_path / "run"


def baseline_of(run):
    if "ACCEL_DENSE" in os.environ:
        return artifact_folder(os.environ["ACCEL_DENSE"])
    plan = decide(compose(read_record(run)["overrides"]))
    return artifact_folder(folder_of(plan, prepare(plan.task.load(plan.seed), plan)))


def fp32_flops_per_s():
    a, b = torch.randn(2, 1024, 1024)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * 1024**3 / min(times)


def test_latency(tmp_path):
    run = run_of(tmp_path)
    model = artifact.load_model(run / "model").eval()
    before = dense_candidates(baseline_of(run), ENGINES, Console(None, silent=True))
    after = candidates(model, run / "model", ENGINES)
    one = random_inputs(model, 1, SEQUENCE_LENGTH)
    many = {name: np.repeat(value, THROUGHPUT_BATCH, axis=0) for name, value in one.items()}
    peak = fp32_flops_per_s()
    found = measure(before, after, one, many)
    summary = summarize(found)
    print(f"\n{processor()}, {torch.get_num_threads()} threads, {found.before[0].rounds} rounds")
    for side in ("before", "after"):
        for cost in sorted(getattr(found, side), key=lambda cost: cost.latency_ms_p50):
            low, high = cost.latency_ms_p50_interval
            print(
                f"{side:<6} {cost.label:<20} {cost.latency_ms_p50:7.2f} ms ({low:.2f}-{high:.2f}), at the speed of large "
                f"fp32 products {cost.flops / peak * 1e3:.2f} ms; {cost.size_bytes / 1e6:.1f} MB"
            )
    print(f"the first engine against itself: {found.noise_ratio:.3f}")
    print(f"{summary['speedup_vs_eager']:.2f}x over dense eager fp32; {summary['verdict']}")
    kept = {"machine": processor(), "fp32_flops_per_s": peak, **summary}
    kept |= {side: [vars(cost) for cost in getattr(found, side)] for side in ("before", "after")}
    Path(os.environ.get("ACCEL_BENCH_OUT", "."), "latency.json").write_text(json.dumps(kept, indent=1))
    assert summary["speedup_vs_best_dense"] > 1
