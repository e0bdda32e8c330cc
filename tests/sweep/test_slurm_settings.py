import dataclasses

import pytest

from accel.config.compose import compose
from accel.sweep.slurm_settings import SlurmSettings


def test_they_are_the_keys_of_the_launcher_with_the_same_defaults():
    keys = dict(compose(["hydra/launcher=submitit_slurm"]).hydra.launcher)
    keys.pop("_target_")
    mine = dataclasses.asdict(SlurmSettings())
    assert {**keys, "setup": tuple(keys["setup"])} == mine


def test_what_is_not_stated_is_not_asked_for():
    assert set(SlurmSettings().parameters("x")) == {
        "job_name", "time", "nodes", "ntasks_per_node", "cpus_per_task", "array_parallelism", "srun_args",
        "signal_delay_s", "additional_parameters",
    }  # fmt: skip


def test_submitit_makes_a_script_of_all_of_them(tmp_path):
    text = pytest.importorskip("submitit.slurm.slurm")._make_sbatch_string
    settings = SlurmSettings(
        partition="p", qos="q", account="a", constraint="c", exclude="e", timeout_min=7, nodes=2, tasks_per_node=3,
        cpus_per_task=4, mem_gb=1.5, gpus_per_node=1, gres="gpu:1", array_parallelism=5, signal_delay_s=8,
        setup=["module load x"], additional_parameters={"reservation": "r"},
    )  # fmt: skip
    script = text("work", tmp_path, map_count=9, **settings.parameters("accel-1"))
    for flag in (
        "partition=p", "qos=q", "account=a", "constraint=c", "exclude=e", "time=7", "nodes=2", "ntasks-per-node=3",
        "cpus-per-task=4", "mem=1536M", "gpus-per-node=1", "gres=gpu:1", "array=0-8%5", "signal=USR2@8", "requeue",
        "reservation=r", "job-name=accel-1",
    ):  # fmt: skip
        assert f"#SBATCH --{flag}\n" in script
    assert "module load x\n" in script
    assert "--cpus-per-task=4 work" in script
