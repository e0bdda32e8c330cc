"""Rows of two processes in both, and the gradients that come back."""

import pytest
import torch
import torch.distributed as dist

from accel.ops.parallel.gather import gathered
from tests.forked_ranks import free_port, in_forks


def test_alone_there_is_nothing_to_gather():
    own = torch.ones(2, 3)
    assert gathered(own) == (own, 0)


def begin(rank, port):
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)


def two_ranks(rank, port):
    begin(rank, port)
    own = torch.full((rank + 1, 2), float(rank + 1), requires_grad=True)
    everything, start = gathered(own)
    assert everything.tolist() == [[1, 1], [2, 2], [2, 2]]
    assert start == rank
    (everything * (rank + 1)).sum().backward()
    assert own.grad.tolist() == [[3, 3]] * (rank + 1)  # 1 of the first process's loss, 2 of the other's
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_of_unequal_counts_have_all_rows_and_both_losses_reach_each_row():
    port = free_port()
    assert in_forks(two_ranks, [(rank, port) for rank in range(2)], 60) == [0, 0]
