"""Lightning's strategies, made with what a user may set, and how processes are lost and left; the only such file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from pytorch_lightning.plugins.environments import ClusterEnvironment, LightningEnvironment, TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy
from pytorch_lightning.strategies.parallel import ParallelStrategy
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from accel.checkpoint import sharded
from accel.ops.parallel.shards import from_part, is_sharded, local, pieces_of, sharded_like

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

SIGNS_OF_LOSS = (
    "closed by peer",
    "reset by peer",
    "Timed out waiting",
    "Broken pipe",
    "Application timeout",
    "timed out",
)
"""In gloo's messages, which all are RuntimeErrors; nccl's are DistErrors."""


def processes_exist() -> ClusterEnvironment:
    """Tells Lightning that every process was started from outside; reads the variables that torchrun sets."""
    return TorchElasticEnvironment()


def one_process() -> ClusterEnvironment:
    """Tells Lightning to ask neither torchrun nor Slurm, whose variables a process may have for other reasons."""
    return LightningEnvironment()


def keep_signals(trainer: Trainer) -> None:
    """Keep Lightning from answering signals: inside of the handler, in the middle of a step, it starts a collective.

    See Lightning-AI/pytorch-lightning#20806 and #21406; ``accel/callbacks/stop_on_signal.py`` answers them.
    """
    connector = trainer._signal_connector
    if not callable(getattr(connector, "register_signal_handlers", None)):
        raise RuntimeError("This version of Lightning registers its signal handlers in a way that accel does not know.")
    connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]


def log_by_steps(trainer: Trainer) -> None:
    """Let what is logged next bear the number of the optimizer's steps.

    Lightning counts for its loggers by itself, and one too many where it goes on from the end of an epoch.
    """
    loop = trainer.fit_loop.epoch_loop
    if not isinstance(getattr(loop, "_batches_that_stepped", None), int):
        raise RuntimeError("This version of Lightning counts what it logs in a way that accel does not know.")
    loop._batches_that_stepped = trainer.global_step


def lost_by(error: BaseException) -> str | None:
    """What torch says of a process that is gone or silent; None for any other error."""
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause)
        if isinstance(cause, dist.DistError) or (
            isinstance(cause, RuntimeError) and any(sign in text for sign in SIGNS_OF_LOSS)
        ):
            return (text.strip().splitlines() or [type(cause).__name__])[0].rpartition("] ")[2].split(". ")[0][:200]
        cause = cause.__cause__ or cause.__context__
    return None


class ReplicatedStrategy(DDPStrategy):
    """DDP whose processes give up after ``timeout_s``; gloo on CPU, nccl on GPU.

    Buffers are not sent: what accel keeps in them (masks and scores) follows from gradients that all processes share.

    Args:
        bucket_mb: how much is reduced at once.
        compress: in which a gradient is sent; None for its own.
    """

    def __init__(self, *, timeout_s: int, bucket_mb: int, compress: torch.dtype | None) -> None:
        super().__init__(
            timeout=timedelta(seconds=timeout_s),
            gradient_as_bucket_view=True,
            broadcast_buffers=False,
            bucket_cap_mb=bucket_mb,
        )
        self.compress = compress

    def configure_ddp(self) -> None:
        super().configure_ddp()
        dtype = self.compress
        if dtype is not None:  # torch's own hooks (2.13) refuse gloo, which can add bf16 up
            assert isinstance(self.model, DistributedDataParallel)
            self.model.register_comm_hook(None, lambda _, bucket: mean_in(dtype, bucket))


class RoundsStrategy(ReplicatedStrategy):
    """Processes that each hold the whole model and average nothing: a round adds its updates up itself."""

    def __init__(self, *, timeout_s: int) -> None:
        super().__init__(timeout_s=timeout_s, bucket_mb=25, compress=None)

    def configure_ddp(self) -> None:
        """The model stays as it is: a wrapper would average every local step's gradient."""


def mean_in(dtype: torch.dtype, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    """The mean of a bucket of gradients over all processes, sent in another number format."""
    full = bucket.buffer()
    sent = full.div(dist.get_world_size()).to(dtype)  # divided before it is rounded, so that fp16 holds the sum
    future = dist.all_reduce(sent, async_op=True).get_future()  # type: ignore[union-attr]
    return future.then(lambda done: full.copy_(done.value()[0]))


class ShardedStrategy(ModelParallelStrategy):
    """Processes that each hold a part of the model, as ``configure_model`` has cut it.

    Every process saves its part (``accel/checkpoint/sharded.py``), and what was saved goes on under any strategy, on
    any number of processes. (Lightning's own folders hold a pickle, and number the optimizer's state in another order
    than torch does.)
    """

    def __init__(self, *, data_parallel_size: int, tensor_parallel_size: int, timeout_s: int) -> None:
        super().__init__(
            data_parallel_size=data_parallel_size,
            tensor_parallel_size=tensor_parallel_size,
            timeout=timedelta(seconds=timeout_s),
        )

    @property
    def lightning_restore_optimizer(self) -> bool:
        """Lightning then hands the saved state to ``load_optimizer_state_dict``."""
        return True

    def lightning_module_state_dict(self) -> dict[str, Any]:
        assert self.lightning_module is not None
        return self.lightning_module.state_dict()

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        return optimizer.state_dict()

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any | None = None) -> None:
        del storage_options
        target = Path(self.broadcast(filepath))
        sharded.save(checkpoint, target, rank=self.global_rank, world_size=self.world_size, meet=self.barrier)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        path = Path(checkpoint_path)
        if not sharded.is_folder(path):
            return ParallelStrategy.load_checkpoint(self, checkpoint_path, weights_only)
        return sharded.load(path, self._part)

    def _part(self, key: str, shape: tuple[int, ...]) -> sharded.Wanted | None:
        """What this process holds of the tensor of that name, or of the parameter whose moment it is."""
        like = self._like(key)
        if like is None or not is_sharded(like) or tuple(like.shape) != shape:
            return None
        pieces = pieces_of(like)
        if len(pieces) != 1:  # the whole tensor is read then, and cut up
            return None
        return sharded.Wanted(pieces[0].offset, tuple(local(like).shape), partial(from_part, like=like))

    def _like(self, key: str) -> Tensor | None:
        assert self.lightning_module is not None
        kind, _, name = key.partition("/")
        if kind == "state_dict":
            return self.lightning_module.state_dict().get(name)
        number, _, parameter, _ = name.split("/", 3)  # optimizer_states/0/state/12/exp_avg
        return _parameters(self.optimizers[int(number)])[int(parameter)]

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        assert self.lightning_module is not None
        own = self.lightning_module.state_dict()
        placed = {
            name: sharded_like(value, own[name]) if name in own else value
            for name, value in checkpoint["state_dict"].items()
        }
        self.lightning_module.load_state_dict(placed, strict=strict)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        for optimizer, saved in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            parameters = _parameters(optimizer)
            numbers = {n: _placed(values, parameters[int(n)]) for n, values in saved["state"].items()}
            optimizer.load_state_dict({**saved, "state": numbers})


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    """In the order in which the optimizer numbers their state."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def _placed(values: Mapping[str, Any], parameter: nn.Parameter) -> dict[str, Any]:
    """A parameter's moments, cut as the parameter is."""
    return {
        name: sharded_like(value.to(parameter.device), parameter) if isinstance(value, Tensor) else value
        for name, value in values.items()
    }


# torch 2.13 renamed them, and warns of the old names.
all_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
reduce_scatter = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor


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
