"""Lightning's strategies, made with what a user may set. The only file that makes one."""

from __future__ import annotations

from datetime import timedelta

from pytorch_lightning.strategies import DDPStrategy


def ddp_strategy(timeout_s: int) -> DDPStrategy:
    """DDP whose processes give up after ``timeout_s``; gloo on CPU, nccl on GPU."""
    return DDPStrategy(timeout=timedelta(seconds=timeout_s), gradient_as_bucket_view=True)
