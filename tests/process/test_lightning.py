import multiprocessing
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

from accel.checkpoint import sharded
from accel.ops.parallel.shards import whole
from accel.process.lightning import (
    ReplicatedStrategy,
    ShardedStrategy,
    keep_signals,
    leave_together,
    log_by_steps,
    lost_by,
    mean_in,
    one_process,
)
from accel.sweep.worker import PRELOAD


def test_gives_up_after_the_asked_time():
    assert ReplicatedStrategy(timeout_s=7, bucket_mb=25, compress=None)._timeout == timedelta(seconds=7)


def test_what_is_compressed_comes_back_rounded_and_nothing_else(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        for dtype in (torch.bfloat16, torch.float16):
            gradient = torch.randn(1000, generator=torch.Generator().manual_seed(0))
            expected = gradient.to(dtype).float()
            assert not torch.equal(expected, gradient)
            bucket = SimpleNamespace(buffer=lambda gradient=gradient: gradient)
            assert torch.equal(mean_in(dtype, bucket).wait(), expected)
            assert torch.equal(gradient, expected)  # in place: the bucket is what .grad is a view of
    finally:
        dist.destroy_process_group()


FORKS = multiprocessing.get_context("forkserver")


def leave(rank, size, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    dist.all_reduce(torch.ones(1))
    if rank == size - 1:
        time.sleep(1)
        (folder / "late").touch()
    leave_together()
    assert (folder / "late").exists(), f"rank {rank} left before the last rank was done"
    assert not dist.is_initialized()


@pytest.mark.slow
def test_nobody_leaves_before_everybody_is_done(tmp_path):
    FORKS.set_forkserver_preload([PRELOAD])
    ranks = [FORKS.Process(target=leave, args=(rank, 3, tmp_path)) for rank in range(3)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [0, 0, 0]


def test_one_process_has_nothing_to_leave():
    leave_together()


def test_a_lost_process_is_told_from_other_errors():
    closed = RuntimeError(
        "[/__w/pytorch/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [10.0.0.1]:65. This is typically …"
    )
    assert lost_by(closed) == "Connection closed by peer [10.0.0.1]:65"
    assert lost_by(dist.DistNetworkError("no route")) == "no route"
    wrapped = ValueError("while training")
    wrapped.__cause__ = closed
    assert lost_by(wrapped) == lost_by(closed)
    assert lost_by(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert lost_by(ValueError("Connection closed by peer")) is None


def test_lightning_answers_no_signals():
    import signal

    from pytorch_lightning import Trainer

    before = signal.getsignal(signal.SIGTERM)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = Trainer(**quiet, plugins=[one_process()])
    keep_signals(trainer)
    trainer._signal_connector.register_signal_handlers()
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_logged_bears_the_number_of_the_step():
    from pytorch_lightning import Trainer

    trainer = Trainer(
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        plugins=[one_process()],
    )  # fmt: skip
    trainer.fit_loop.epoch_loop._batches_that_stepped = 3
    log_by_steps(trainer)
    assert trainer.fit_loop.epoch_loop._batches_that_stepped == trainer.global_step == 0
    del trainer.fit_loop.epoch_loop._batches_that_stepped
    with pytest.raises(RuntimeError, match="in a way that accel does not know"):
        log_by_steps(trainer)


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def moments(optimizer):
    """Of its one parameter, whole."""
    (state,) = optimizer.state.values()
    return {name: whole(value) for name, value in state.items()}


def test_what_the_optimizer_of_a_sharded_model_remembers_comes_back_whole(mesh, tmp_path):
    """Both moments and the number of steps; without the second, the first step after a resume is a jump."""
    sharded_model = ShardedStrategy(data_parallel_size=1, tensor_parallel_size=1, timeout_s=9)

    def adamw():
        weight = nn.Parameter(distribute_tensor(torch.arange(12.0).view(4, 3), mesh, [Shard(0)]))
        sharded_model.optimizers = [torch.optim.AdamW([weight], lr=0.1)]
        return weight, sharded_model.optimizers[0]

    weight, optimizer = adamw()
    for number in range(2):
        weight.grad = distribute_tensor(torch.randn(4, 3) + number, mesh, [Shard(0)])
        optimizer.step()
    state = {"global_step": 2, "optimizer_states": [sharded_model.optimizer_state(optimizer)]}
    sharded.save(state, tmp_path / "last.ckpt", rank=0, world_size=1, meet=lambda: None)
    expected = moments(optimizer)
    _, again = adamw()
    sharded_model._lightning_module = SimpleNamespace(state_dict=dict)
    sharded_model.load_optimizer_state_dict(sharded_model.load_checkpoint(tmp_path / "last.ckpt"))
    assert set(expected) == {"exp_avg", "exp_avg_sq", "step"}
    assert all(torch.equal(moments(again)[name], value) for name, value in expected.items())
    assert expected["step"] == 2
    assert (expected["exp_avg_sq"] > 0).all()
