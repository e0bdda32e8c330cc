"""What many jobs cost: saving the state of a sweep of 1,000 (it is saved after each), and comparing 10,000 runs.

pytest -s tests/bench/test_many_jobs.py
"""

import shutil
import time

from accel.cli import main
from accel.report.compare import MOST_ROWS
from accel.sweep.record import Sweep
from tests.report.conftest import one_run

JOBS, RUNS, KINDS, ROUNDS = 1000, 10_000, 72, 20
SAVE_GOAL_MS, COMPARE_GOAL_S = 50, 3


def test_a_sweep_of_many_jobs_is_saved_quickly(tmp_path, figures):
    sweep = Sweep(tmp_path / "sweep")
    for seed in range(JOBS):
        sweep.job(["task=airline", "model=minilm", "compression=[prune,qat]", f"seed={seed}"])
    sweep.save()
    taken, worked = [], []
    for number in range(ROUNDS):
        sweep.jobs[number].status = "running"  # as a sweep that goes on: one job is another
        start = time.perf_counter(), time.process_time()
        sweep.save()
        taken.append(1000 * (time.perf_counter() - start[0]))
        worked.append(1000 * (time.process_time() - start[1]))
    figures.median(f"sweep.json of {JOBS} jobs, one changed, processor time", worked, "ms", roof=SAVE_GOAL_MS)
    figures.median(f"sweep.json of {JOBS} jobs, one changed", taken, "ms", roof=SAVE_GOAL_MS)


def test_many_runs_are_compared_quickly(tmp_path, figures, capsys):
    for number in range(KINDS):
        one_run(tmp_path / "kinds" / str(number), number)
    for number in range(RUNS):
        folder = tmp_path / "runs" / str(number)
        folder.mkdir(parents=True)
        for name in ("result.json", "config.yaml"):
            shutil.copy(tmp_path / "kinds" / str(number % KINDS) / name, folder)
    start = time.process_time()  # nothing waits, so a busy machine need not count
    assert main(["compare", str(tmp_path / "runs")]) == 0
    figures.value(f"compare {RUNS} runs", time.process_time() - start, "s", roof=COMPARE_GOAL_S)
    assert f"{RUNS - MOST_ROWS:,} more runs" in capsys.readouterr().out
