"""One process is a group too: what is sharded over it is whole, and everything goes the same way."""

import copy

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor, init_device_mesh
from torch.distributed.tensor.placement_types import _StridedShard
from torch.testing._internal.distributed.fake_pg import FakeStore

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.parallel.shards import Undo, local, part_like, pieces_of, shard, sharded_like, whole

IDS = {"input_ids": torch.arange(5, 21)[None], "attention_mask": torch.ones(1, 16, dtype=torch.long)}


@pytest.fixture
def group(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def sharded():
    model = TinyBert().network(Classification(["a", "b"])).eval()
    plain = copy.deepcopy(model)
    undo = Undo(model)
    shard(model, model.bert.encoder.layer, mesh=None, reduce_dtype=None, reshard_after_forward=True, cpu_offload=False)
    return model, plain, undo


def test_a_plain_tensor_is_all_of_itself():
    x = torch.randn(3, 2)
    assert local(x) is whole(x) is x
    assert part_like(x, x) is sharded_like(x, x) is x


def test_parts_of_a_sharded_weight(group):
    model, plain, _ = sharded()
    weight = model.bert.encoder.layer[0].output.dense.weight
    assert isinstance(weight, DTensor)
    expected = plain.bert.encoder.layer[0].output.dense.weight
    assert torch.equal(whole(weight), expected)
    mask = torch.rand(expected.shape) > 0.5
    with torch.no_grad():
        local(weight).mul_(part_like(mask, weight))
    assert torch.equal(whole(weight), expected * mask)
    assert isinstance(sharded_like(expected, weight), DTensor)
    assert sharded_like(torch.ones(1), weight).shape == (1,)


def test_a_sharded_model_is_made_plain_again(group):
    model, plain, undo = sharded()
    assert "FSDP" in type(model).__name__
    undo.restore(model)
    assert type(model) is type(plain)
    assert type(model.bert.encoder.layer[0]) is type(plain.bert.encoder.layer[0])
    assert not any(isinstance(p, DTensor) for p in model.parameters())
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
    with torch.inference_mode():
        assert torch.equal(model(**IDS).logits, plain(**IDS).logits)
    copy.deepcopy(model)


def test_without_undoing_it_stays_wrapped(group):
    """Negative control: what restore takes away is there."""
    model, _, _ = sharded()
    assert any(module._forward_pre_hooks for module in model.modules())
    with pytest.raises(AssertionError, match="deepcopy"):
        copy.deepcopy(model)


@pytest.fixture
def one_of_four():
    """Rank 3 of four that do not exist: nothing is sent."""
    dist.init_process_group("fake", store=FakeStore(), rank=3, world_size=4)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("mesh", "placements", "offsets"),
    [
        ((4,), [Shard(0)], [(9, 0)]),
        ((4,), [Replicate()], [(0, 0)]),
        ((2, 2), [Shard(1), Shard(0)], [(6, 4)]),
        ((2, 2), [Replicate(), _StridedShard(0, split_factor=3)], [(2, 0), (6, 0), (10, 0)]),
        ((2, 2), [Shard(1), _StridedShard(0, split_factor=3)], [(2, 4), (6, 4), (10, 4)]),
    ],
)
def test_the_pieces_that_a_process_holds(one_of_four, mesh, placements, offsets):
    full = torch.arange(96.0).view(12, 8)
    x = distribute_tensor(full, init_device_mesh("cpu", mesh), placements, src_data_rank=None)
    pieces = pieces_of(x)
    assert [piece.offset for piece in pieces] == offsets
    assert sum(piece.values.numel() for piece in pieces) == local(x).numel()
    for piece in pieces:
        rows, columns = (slice(o, o + n) for o, n in zip(piece.offset, piece.values.shape, strict=True))
        assert torch.equal(piece.values, full[rows, columns])
