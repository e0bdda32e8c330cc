"""A compressed model against the dense one on every engine here, one text of 128 tokens at a time, in turn.

pytest -s tests/bench/test_latency.py     # of MiniLM cut and rounded without any training
ACCEL_RUN=outputs/DATE/TIME ACCEL_DENSE=~/.cache/accel/baselines/… pytest -s tests/bench/test_latency.py   # of your own

At best is the model's FLOPs at the speed of a large fp32 product: int8 products and narrow layers are another thing.
"""

import time

import numpy as np
import torch

from accel.core.console import Console
from accel.core.facts import SEQUENCE_LENGTH
from accel.engines.eager import Eager
from accel.engines.inductor import Inductor
from accel.engines.onnxruntime import Onnxruntime
from accel.engines.openvino import Openvino
from accel.export.onnx import random_inputs
from accel.measure.run_costs import candidates, dense_candidates
from accel.measure.timing import THROUGHPUT_BATCH, measure, summarize
from accel.weights import artifact
from tests.bench.runs import baseline_of, run_of

ENGINES = (Eager(), Inductor(), Onnxruntime(), Openvino())
UNTRAINED = [
    "task=airline", "model=minilm", "tracker=none", "compression=[prune,ptq,vocabulary]", "trainer.max_steps=2",
    "compression.prune.score=magnitude", "compression.prune.target_flops=0.3", "engines=[onnxruntime,openvino]",
]  # fmt: skip


def fp32_flops_per_s():
    a, b = torch.randn(2, 1024, 1024)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * 1024**3 / min(times)


def test_latency(tmp_path, figures):
    run = run_of(UNTRAINED, tmp_path / "run")
    model = artifact.load_model(run / "model").eval()
    before = dense_candidates(baseline_of(run), ENGINES, Console(None, silent=True))
    after = candidates(model, run / "model", ENGINES)
    one = random_inputs(model, 1, SEQUENCE_LENGTH)
    many = {name: np.repeat(value, THROUGHPUT_BATCH, axis=0) for name, value in one.items()}
    peak = fp32_flops_per_s()
    found = measure(before, after, one, many)
    summary = summarize(found)
    for side in ("before", "after"):
        for cost in getattr(found, side):
            figures.cost(f"{side}, {cost.label}", cost, roof=cost.flops / peak * 1e3)
            figures.value(f"{side}, {cost.label}, bytes to ship", cost.size_bytes / 1e6, "MB")
    figures.value(
        "the first engine against itself (A/A)", found.noise_ratio, "x", rounds=found.before[0].rounds, roof=1
    )
    for name in ("speedup_vs_eager", "speedup_vs_best_dense", "size_ratio"):
        figures.value(name.replace("_", " "), summary[name], "x", rounds=found.before[0].rounds)
    print(f"\n{summary['verdict']}")
    assert summary["speedup_vs_best_dense"] > 1
