"""What the parent of a sweep's jobs imports once: everything that a run needs, and no computation.

Every job is forked from here, so importing this module must start no thread and touch no device: a thread pool or a
CUDA context does not survive a fork. Where that does not hold, ``UNSAFE`` says why and a job starts afresh instead.
"""

from __future__ import annotations

import gc
import os
from importlib import import_module
from pathlib import Path

from accel.config.compose import compose
from accel.core.logs import quiet_import
from accel.plan.decide import decide

NEEDED = (
    "accel.cli",
    "accel.run.run",
    "accel.run.phases",
    "accel.export.export",
    "accel.measure.run_costs",
    "accel.report.html",
)
OFTEN_NEEDED = (
    "accel.tracker._wandb",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "peft",
    "torchao.quantization",
    "torchao.quantization.qat",
)
"""Slow to import and used by many runs; one that is not installed is not missed."""


def _load() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # or numpy starts threads here; a job has its own environment
    with quiet_import():
        for name in NEEDED:
            import_module(name)
        for name in OFTEN_NEEDED:
            try:
                import_module(name)
            except ImportError:
                continue
    decide(compose([]))  # finds Hydra's plugins and builds its parsers, which takes longer than what it is asked for
    gc.collect()
    gc.freeze()  # a collection in a job would write to, and so copy, every page shared with the parent


def _why_unsafe() -> str | None:
    import torch

    if torch.cuda.is_initialized():
        return "CUDA is in use"
    tasks = Path("/proc/self/task")
    running = len(os.listdir(tasks)) if tasks.is_dir() else 1
    return f"{running} threads are running" if running > 1 else None


_load()
UNSAFE = _why_unsafe()
