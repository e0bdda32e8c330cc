"""Lightning's strategies, made with what a user may set, and the process group's end. The only file for both."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel


def ddp_strategy(timeout_s: int) -> DDPStrategy:
    """DDP whose processes give up after ``timeout_s``; gloo on CPU, nccl on GPU."""
    return DDPStrategy(timeout=timedelta(seconds=timeout_s), gradient_as_bucket_view=True)


def do_not_average(wrapped: object) -> None:
    """Keep DDP from averaging gradients: whoever calls this adds them up over the ranks itself."""
    if isinstance(wrapped, DistributedDataParallel):
        wrapped.require_backward_grad_sync = False  # what its no_sync() sets


def leave_together() -> None:
    """Close the process group once every rank is past its last collective; nothing without a group.

    A rank that closes its sockets while another one is still inside a collective fails that one (gloo: "Connection
    closed by peer"), and a barrier is a collective itself. So the ranks meet at the group's key-value store: each says
    that it has arrived, rank 0 waits for all and lets them go.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return
    store = dist.distributed_c10d._get_default_store()
    if dist.get_rank() == 0:
        store.wait([f"accel/arrived/{rank}" for rank in range(1, dist.get_world_size())])
        store.set("accel/leave", "1")
    else:
        store.set(f"accel/arrived/{dist.get_rank()}", "1")
        with suppress(RuntimeError):  # rank 0, which holds the store, may have left already: the same answer
            store.wait(["accel/leave"])
    dist.destroy_process_group()
