"""The run that a benchmark looks at: yours, or one that is made for it.

ACCEL_RUN is a run's folder, and ACCEL_DENSE that of its dense model, in the cache's ``baselines``.
"""

import os
import subprocess
import sys
from pathlib import Path

from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.plan.decide import decide
from accel.report.record import read_record
from accel.run.baseline import folder_of
from accel.weights.meta import artifact_folder


def run_of(words, folder):
    """Your run, or one of these words."""
    if "ACCEL_RUN" in os.environ:
        return Path(os.environ["ACCEL_RUN"])
    subprocess.run([sys.executable, "-m", "accel", *words, f"hydra.run.dir='{folder}'"], check=True)
    return folder


def finished(name, folder, words):
    """The record of a run in a folder that is kept: one that is finished there is not run again."""
    if (read_record(folder / name) or {}).get("status") != "finished":
        command = [sys.executable, "-m", "accel", *words, "tracker=none", f"hydra.run.dir='{folder / name}'"]
        subprocess.run(command, check=True)
    return read_record(folder / name)


def plan_of(run):
    """What the run was told to do."""
    return decide(compose(read_record(run)["overrides"]))


def baseline_of(run):
    """The folder of the run's dense model."""
    if "ACCEL_RUN" in os.environ:  # tests have a cache of their own
        assert "ACCEL_DENSE" in os.environ, "ACCEL_RUN needs ACCEL_DENSE beside it"
        return artifact_folder(os.environ["ACCEL_DENSE"])
    plan = plan_of(run)
    return artifact_folder(folder_of(plan, prepare(plan.task.load(plan.seed), plan)))
