"""Sweeps as a user starts them, of jobs that take about a second and may be told how to die."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

DOOMED = Path(__file__).with_name("doomed.py")


@pytest.fixture
def sweep_command(tiny_run, tmp_path):
    """``sweep_command("seed=1,2") -> (the command, its working directory)``: jobs of ``doomed.Doomed``."""
    place = tmp_path / "place"
    (place / "groups" / "task").mkdir(parents=True)
    (place / "doomed.py").write_text(DOOMED.read_text())
    (place / "groups" / "task" / "doomed.yaml").write_text(
        "_target_: doomed.Doomed\ntrain: ???\nvalidation: null\ntest: null\ntext: text\nlabel: label\n"
        "max_length: 64\nvalidation_fraction: 0.1\ntest_fraction: 0.2\nhow: none\nmarks: ''\n"
        "steps: ''\nslow: []\ndelay_s: 0.1\ngreedy: []\n"
    )
    words = [w for w in tiny_run if not w.startswith(("task=text", "hydra.run"))]
    flags = ["--config-dir", "groups", "--plugin", "doomed"]

    def command(*more, multirun=True):
        verb = ["-m"] if multirun else []
        return [sys.executable, "-m", "accel", *verb, *flags, "task=doomed", *words, *more], place

    return command


@pytest.fixture
def run_sweep(sweep_command, tmp_path):
    """Run one to its end: ``run_sweep("seed=1,2") -> (exit code, output, sweep.json, folder)``."""

    def run(*more, folder=tmp_path / "sweep", environment=()):
        command, place = sweep_command(*more)
        done = subprocess.run(
            [*command, f"hydra.sweep.dir='{folder}'"],
            cwd=place, env={**os.environ, **dict(environment)}, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        file = folder / "sweep.json"
        return (
            done.returncode,
            done.stdout + done.stderr,
            json.loads(file.read_text()) if file.is_file() else None,
            folder,
        )

    return run


@pytest.fixture
def made_steps(tmp_path):
    """``made_steps()``: by seed, the process of every optimizer step of jobs with ``task.steps=TMP_PATH/steps``."""

    def read():
        found, file = {}, tmp_path / "steps"
        for line in file.read_text().splitlines() if file.is_file() else []:
            seed, process = line.split()
            found.setdefault(int(seed), []).append(int(process))
        return found

    return read


@pytest.fixture
def wait_for_steps(made_steps):
    """``wait_for_steps(sweep, seed)``: until that job trains, while the sweep lives; the process that trains."""

    def wait(sweep, seed, seconds=300):
        deadline = time.monotonic() + seconds
        while len(made_steps().get(seed, [])) < 3:
            assert sweep.poll() is None, sweep.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return made_steps()[seed][0]

    return wait
