"""One run of several processes that a real Slurm starts: by srun, on one node and on two."""

import os
import subprocess
import sys

import pytest

from accel.report.record import read_record
from tests.forked_ranks import run_ranks
from tests.run_folder import digest_of_model

pytestmark = pytest.mark.slow

HERE = ("strategy=ddp", "trainer.batch_size=16", "trainer.batch_tokens=null")
STEPS = {
    "one node": (["-N1", "-n2"], ["strategy.processes=2"]),
    "two nodes": (["-N2", "--ntasks-per-node=1"], ["strategy.processes=1", "strategy.nodes=2"]),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from tests.conftest import tiny_words, write_tiny_csv

    folder = tmp_path_factory.mktemp("srun")
    return [*tiny_words(write_tiny_csv(folder / "tiny.csv")), f"cache={folder / 'cache'}", *HERE]


@pytest.fixture(scope="module")
def expected(run, tmp_path_factory):
    """The digest of what two processes make that nobody started by srun."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert run_ranks([*run, f"hydra.run.dir={folder}"], folder.parent).record(folder)["status"] == "finished"
    return digest_of_model(folder)


@pytest.mark.parametrize("how", STEPS)
def test_srun_makes_the_run_that_two_processes_make(slurm, run, expected, tmp_path, how):
    slots, words = STEPS[how]
    environment = {**os.environ, **slurm.environment, "OMP_NUM_THREADS": "1"}
    whole = tmp_path / "whole"
    done = subprocess.run(
        ["srun", *slots, "--mem=4000", sys.executable, "-m", "accel", *run, *words, f"hydra.run.dir={whole}"],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(whole)
    assert record["status"] == "finished"
    assert {t["name"]: t["evidence"] for t in record["techniques"]}["ddp"]["world_size"] == 2
    assert done.stdout.count("Exporting") == 1
    assert (whole / "log.rank1.txt").is_file()
    assert digest_of_model(whole) == expected


def test_processes_that_the_configuration_does_not_mean_are_refused(slurm, run):
    command = [sys.executable, "-m", "accel", *run, "strategy.processes=4"]
    done = slurm.call("srun", "-N1", "-n2", "--mem=4000", *command)
    assert done.returncode != 0
    assert "srun started 2 processes, 2 on this machine" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
