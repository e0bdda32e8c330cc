"""What it costs to start the jobs of a sweep: forked from a warm parent, against a fresh process for each.

pytest -s tests/bench/test_sweep_start.py
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

JOBS = 20


def sweep(words, folder, warm):
    """(seconds of the whole command, seconds from each job's birth to its first step without model load)."""
    command = [
        sys.executable, "-m", "accel", "-m", "--plugin", "sweep_clock", *words, f"seed=range({JOBS})",
        f"hydra.launcher.warm={str(warm).lower()}", f"hydra.sweep.dir='{folder}'",
    ]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, cwd=Path(__file__).parent, env=dict(os.environ), check=True, capture_output=True)
    seconds = time.perf_counter() - start
    outputs = [(folder / f"{number}.output.txt").read_text() for number in range(JOBS)]
    return seconds, [float(re.search(r"FIRST STEP ([0-9.]+)", text)[1]) for text in outputs]


def test_jobs_start_warm(tiny_run, tmp_path, figures):
    words = [w for w in tiny_run if not w.startswith("hydra.run")]
    found = {warm: sweep(words, tmp_path / str(warm), warm) for warm in (True, False)}
    for warm, (seconds, first) in found.items():
        name = "forked from a warm parent" if warm else "a fresh process each"
        figures.value(f"{name}, {JOBS} jobs in all", seconds, "s")
        figures.median(f"{name}, second and later jobs to their first step", first[1:], "s")
    figures.value("all jobs, forked over fresh", found[False][0] / found[True][0], "x faster")
