"""What many jobs cost: saving the state of a sweep of 1,000 (it is saved after each), and comparing 10,000 runs.

pytest -s tests/bench/test_many_jobs.py
"""

import time

from accel.report.compare import as_table, load
from accel.report.comparison import compare_runs
from accel.sweep.record import Sweep
from tests.report.conftest import one_run

JOBS, RUNS, ROUNDS = 1000, 10_000, 20
SAVE_GOAL_MS, COMPARE_GOAL_S = 50, 3


def test_a_sweep_of_many_jobs_is_saved_quickly(tmp_path, figures):
    sweep = Sweep(tmp_path / "sweep")
    for seed in range(JOBS):
        sweep.job(["task=airline", "model=minilm", "compression=[prune,qat]", f"seed={seed}"])
    sweep.save()
    taken = []
    for number in range(ROUNDS):
        sweep.jobs[number].status = "running"  # as a sweep that goes on: one job is another
        start = time.perf_counter()
        sweep.save()
        taken.append(1000 * (time.perf_counter() - start))
    figures.median(f"sweep.json of {JOBS} jobs, one changed", taken, "ms", roof=SAVE_GOAL_MS)


def test_many_runs_are_compared_quickly(tmp_path, figures):
    for number in range(RUNS):
        one_run(tmp_path / str(number), number)
    start = time.perf_counter()
    runs, _ = load([tmp_path])
    table = compare_runs(runs)
    as_table(table)
    figures.value(f"compare {RUNS} runs", time.perf_counter() - start, "s", roof=COMPARE_GOAL_S)
    assert len(table.rows) == RUNS
