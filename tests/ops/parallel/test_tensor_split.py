"""One process is a group too: what is split over it is whole, and everything goes the same way.

Two and four processes are in tests/strategy/test_parity.py.
"""

import copy

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.distributed.tensor.placement_types import _StridedShard

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.adapters import add_lora
from accel.ops.dropout import without_dropout
from accel.ops.parallel.shards import Undo, mesh_of
from accel.ops.parallel.tensor_split import _Door, cut_along, forget, split, splittable
from accel.ops.structured.structure import find_blocks, set_num_units

IDS = {"input_ids": torch.arange(5, 21).view(2, 8), "attention_mask": torch.ones(2, 8, dtype=torch.long)}
IDS["input_ids"][:, -1] = 3  # T5's classifier reads the last end of text
MODELS = [TinyBert, TinyGpt2, TinyLlama, TinyT5]


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield mesh_of(1, 1)[1]
    dist.destroy_process_group()


def made(kind, *, lora=False):
    model = without_dropout(kind().network(Classification(["a", "b"])))
    return add_lora(model, rank=2, alpha=4, dropout=0.0) if lora else model


def gradients(model):
    model.zero_grad()
    loss = model(**IDS).logits.double().square().sum()
    loss.backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return loss, {n: g.full_tensor() if isinstance(g, DTensor) else g for n, g in found.items()}


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("kind", MODELS)
def test_a_split_model_computes_the_same_and_is_made_plain_again(mesh, kind, lora):
    model = made(kind, lora=lora)
    plain, names = copy.deepcopy(model), [(n, type(m)) for n, m in model.named_modules()]
    undo = Undo(model)
    split(model, mesh)
    assert all(isinstance(p, DTensor) for p in model.parameters())
    (loss, found), (expected_loss, expected) = gradients(model), gradients(plain)
    assert torch.allclose(loss, expected_loss, rtol=1e-6)
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[n], expected[n], rtol=1e-4, atol=1e-5) for n in expected)
    forget(undo.restore(model), 1)
    assert [(n, type(m)) for n, m in model.named_modules()] == names
    state = model.state_dict()
    assert all(torch.equal(state[n], value) for n, value in plain.state_dict().items())
    copy.deepcopy(model)


def test_heads_are_counted_by_what_a_process_has_and_counted_again_afterwards():
    model = made(TinyGpt2)
    attention = model.transformer.h[0].attn
    width = attention.split_size
    undo = Undo(model)

    for block in splittable(model, 2):
        set_num_units(model, block, block.num_units // 2)
    assert attention.split_size == width // 2
    forget(undo.restore(model), 2)
    assert attention.split_size == width


def test_a_block_that_cannot_be_shared_evenly_stays_whole():
    model = made(TinyBert)
    assert len(splittable(model, 2)) == len(splittable(model, 4)) == 4
    assert {block.kind for block in splittable(model, 8)} == {"channels"}
    assert splittable(model, 7) == []


def test_of_fused_projections_each_process_holds_a_part_of_each(mesh):
    """And the plain placement, the negative control, would give the first process all queries and half of the keys."""
    rows = torch.arange(12)[:, None]
    parts, _ = _StridedShard(0, split_factor=3)._split_tensor(rows, 2, with_padding=False, contiguous=True)
    assert parts[0].flatten().tolist() == [0, 1, 4, 5, 8, 9]
    contiguous, _ = Shard(0)._split_tensor(rows, 2, with_padding=False, contiguous=True)
    assert contiguous[0].flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_fsdp_cuts_an_interleaved_weight_along_its_other_dimension(mesh):
    weight = torch.nn.Parameter(distribute_tensor(torch.ones(6, 4), mesh, [_StridedShard(0, split_factor=3)]))
    assert cut_along(weight) == Shard(1)
    assert cut_along(torch.nn.Parameter(distribute_tensor(torch.ones(6, 4), mesh, [Shard(0)]))) is None


def test_inside_a_block_random_numbers_are_the_process_own_and_outside_they_go_on_as_if_nothing_was_drawn(mesh):
    torch.manual_seed(0)
    outside = torch.rand(2), torch.rand(2)
    doors = _Door(mesh, 0), _Door(mesh, 0)
    doors[1].place = (0, 1)
    inside = []
    for door in doors:
        torch.manual_seed(0)
        x = torch.ones(1, requires_grad=True)
        assert torch.equal(torch.rand(2), outside[0])
        assert door.enter(x) is door.enter(x)
        inside.append(torch.rand(2))
        door.leave(x)
        assert torch.equal(torch.rand(2), outside[1])
    assert not torch.equal(*inside)
    assert not torch.equal(inside[0], outside[1])


@pytest.fixture
def sums(monkeypatch):
    """The shapes of what is summed over processes; each sum is that of two processes that say the same."""
    found = []

    def twice(x, group):
        found.append(x.shape)
        return x.mul_(2)

    monkeypatch.setattr("accel.ops.parallel.tensor_split.dist.all_reduce", twice)
    return found


@pytest.mark.parametrize("kind", [TinyBert, TinyGpt2, TinyLlama])
def test_every_block_ends_in_one_sum_forward_and_one_backward(mesh, sums, kind):
    model = made(kind)
    blocks = splittable(model, 1)
    split(model, mesh)
    loss = model(**IDS).logits.double().square().sum()
    assert len(sums) == len(blocks) == 4
    loss.backward()
    assert len(sums) == 2 * len(blocks)


@pytest.mark.parametrize("kind", [TinyBert, TinyGpt2])
def test_a_bias_is_added_to_the_sum_once(mesh, sums, kind):
    """Two processes that say the same: what leaves a block is twice its product, and one bias."""
    model = made(kind)
    for block in find_blocks(model):
        torch.nn.init.normal_(model.get_submodule(block.output).bias)
    plain = copy.deepcopy(model)
    split(model, mesh)
    for block in find_blocks(plain):
        layer, whole = model.get_submodule(block.output), plain.get_submodule(block.output)
        x = torch.randn(2, 3, whole.in_features if hasattr(whole, "in_features") else whole.nx)
        assert torch.allclose(layer(x), 2 * (whole(x) - whole.bias) + whole.bias, atol=1e-5)
