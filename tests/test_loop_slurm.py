"""The cluster that other tests run on does what they rely on."""

import pytest

pytestmark = pytest.mark.slow


def test_it_runs_tasks_on_two_nodes_and_hands_out_their_devices(slurm):
    say = "echo $SLURM_PROCID $SLURM_NODEID $CUDA_VISIBLE_DEVICES"
    printed = slurm.run("srun", "-N2", "--ntasks-per-node=2", "--mem=100", "--gres=gpu:1", "bash", "-c", say)
    assert sorted(printed.splitlines()) == ["0 0 0", "1 0 0", "2 1 0", "3 1 0"]


def test_it_keeps_no_accounts_and_refuses_what_it_does_not_have(slurm):
    assert slurm.call("sacct").returncode != 0
    assert "invalid partition" in slurm.call("srun", "-p", "nowhere", "true").stderr


def test_it_ends_who_takes_more_memory_than_asked_for(slurm):
    greedy = "b = bytearray(300 * 2**20); import time; time.sleep(30)"
    assert slurm.call("srun", "--mem=50", "python3", "-c", greedy).returncode != 0
    assert slurm.call("srun", "--mem=50", "python3", "-c", "pass").returncode == 0
