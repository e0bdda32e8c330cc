import time
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from accel.strategy_adapters import ddp_strategy, leave_together


def test_gives_up_after_the_asked_time():
    assert ddp_strategy(7)._timeout == timedelta(seconds=7)


def leave(rank, size, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    dist.all_reduce(torch.ones(1))
    if rank == size - 1:
        time.sleep(1)
        (folder / "late").touch()
    leave_together()
    assert (folder / "late").exists(), f"rank {rank} left before the last rank was done"
    assert not dist.is_initialized()


def test_nobody_leaves_before_everybody_is_done(tmp_path):
    mp.spawn(leave, args=(3, tmp_path), nprocs=3)


def test_one_process_has_nothing_to_leave():
    leave_together()
