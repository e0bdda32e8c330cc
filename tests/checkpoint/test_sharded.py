"""Two writers and any number of readers, without processes: parts are cut by hand."""

import json
import os

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

from accel.checkpoint import sharded
from accel.checkpoint.atomic import AtomicCheckpointIO
from accel.checkpoint.sharded import (
    MANIFEST,
    Wanted,
    is_folder,
    load,
    newest,
    put_back,
    put_in_place,
    save,
    step_of,
)
from accel.errors import DataError
from accel.ops.parallel.shards import Piece

WHOLE = torch.arange(35.0).view(7, 5)


@pytest.fixture
def group(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


HALVES = {0: [slice(0, 4)], 1: [slice(4, 7)]}
FUSED = {0: [slice(0, 2), slice(4, 6)], 1: [slice(2, 4), slice(6, 7)]}
"""A part of each of two projections that share a matrix."""


def two_ranks(group, monkeypatch, target, rows=HALVES):
    """As ranks 0 and 1 of two would save their rows of a matrix, one after the other."""
    calls = []

    def as_rank(rank):
        pieces = [Piece((some.start, 0), WHOLE[some]) for some in rows[rank]]
        monkeypatch.setattr(sharded, "pieces_of", lambda x: pieces)
        x = distribute_tensor(WHOLE.clone(), group, [Shard(0)])
        return {
            "state_dict": {"w": x},
            "global_step": 7,
            "optimizer_states": [{"state": {0: {"exp_avg": x, "step": 3}}}],
        }

    def meet():
        """The other rank writes when rank 0 waits for it the first time."""
        calls.append(1)
        if len(calls) == 1:
            save(as_rank(1), target, rank=1, world_size=2, meet=lambda: None)
            as_rank(0)

    save(as_rank(0), target, rank=0, world_size=2, meet=meet)


@pytest.mark.fault("R12")
@pytest.mark.parametrize("rows", [HALVES, FUSED])
def test_what_two_wrote_one_reads_whole(group, monkeypatch, tmp_path, rows):
    two_ranks(group, monkeypatch, tmp_path / "last.ckpt", rows)
    found = load(tmp_path / "last.ckpt")
    assert torch.equal(found["state_dict"]["w"], WHOLE)
    assert torch.equal(found["optimizer_states"][0]["state"][0]["exp_avg"], WHOLE)
    assert found["optimizer_states"][0]["state"][0]["step"] == 3
    assert step_of(tmp_path / "last.ckpt") == 7
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.ckpt", "store"]


@pytest.mark.parametrize(("offset", "shape"), [((0, 0), (3, 5)), ((3, 1), (2, 3)), ((6, 0), (1, 5)), ((2, 4), (5, 1))])
def test_any_part_is_read_across_files(group, monkeypatch, tmp_path, offset, shape):
    two_ranks(group, monkeypatch, tmp_path / "last.ckpt")
    found = load(tmp_path / "last.ckpt", lambda key, whole: Wanted(offset, shape, lambda part: part * 2))
    rows, columns = (slice(o, o + n) for o, n in zip(offset, shape, strict=True))
    assert torch.equal(found["state_dict"]["w"], 2 * WHOLE[rows, columns])


def test_a_part_that_is_missing_is_told(group, monkeypatch, tmp_path):
    two_ranks(group, monkeypatch, tmp_path / "last.ckpt")
    file = tmp_path / "last.ckpt" / "rank1.json"
    size = file.stat().st_size
    file.write_text("{}".ljust(size))
    with pytest.raises(DataError, match="lacks 15 numbers of state_dict/w"):
        load(tmp_path / "last.ckpt")


@pytest.mark.parametrize("name", ["rank1.safetensors", "rest.ckpt", MANIFEST])
def test_a_file_cut_short_is_told(group, monkeypatch, tmp_path, name):
    two_ranks(group, monkeypatch, tmp_path / "last.ckpt")
    file = tmp_path / "last.ckpt" / name
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(DataError, match="damaged|not complete"):
        load(tmp_path / "last.ckpt")


def test_a_kill_before_the_manifest_leaves_the_old_one(group, monkeypatch, tmp_path):
    two_ranks(group, monkeypatch, tmp_path / "last.ckpt")
    before = json.loads((tmp_path / "last.ckpt" / MANIFEST).read_text())

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sharded, "put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        two_ranks(group, monkeypatch, tmp_path / "last.ckpt")
    assert json.loads((tmp_path / "last.ckpt" / MANIFEST).read_text()) == before
    assert torch.equal(load(tmp_path / "last.ckpt")["state_dict"]["w"], WHOLE)


def test_a_kill_between_the_two_renames_leaves_the_old_one_to_be_found(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "last.ckpt").write_text("old")
    (tmp_path / "last.ckpt").rename(tmp_path / ".last.ckpt.old")
    assert newest(tmp_path / "last.ckpt").read_text() == "old"
    assert put_back(tmp_path / "last.ckpt")
    assert (tmp_path / "last.ckpt").read_text() == "old"  # so that it is there to be sent to other machines
    assert put_back(tmp_path / "last.ckpt")
    assert not put_back(tmp_path / "none.ckpt")
    put_in_place(tmp_path / "new", tmp_path / "last.ckpt")
    assert newest(tmp_path / "last.ckpt").read_text() == "new"


def test_one_process_reads_a_folder_and_writes_a_file_in_its_place(group, monkeypatch, tmp_path):
    path = tmp_path / "last.ckpt"
    two_ranks(group, monkeypatch, path)
    assert torch.equal(AtomicCheckpointIO().load_checkpoint(path)["state_dict"]["w"], WHOLE)
    AtomicCheckpointIO().save_checkpoint({"global_step": 9}, path)
    assert not is_folder(path)
    assert step_of(path) == 9
    two_ranks(group, monkeypatch, path)
    assert step_of(path) == 7


@pytest.mark.fault("X2")
def test_a_pickle_in_it_does_not_run(group, monkeypatch, tmp_path):
    import pickle

    two_ranks(group, monkeypatch, tmp_path / "last.ckpt")
    marker = tmp_path / "marker"

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(marker),))

    for loads in (True, False):
        file = tmp_path / "last.ckpt" / "rest.ckpt"
        torch.save({"global_step": 1, "x": Evil()}, file)
        manifest = json.loads((tmp_path / "last.ckpt" / MANIFEST).read_text())
        manifest["files"]["rest.ckpt"] = file.stat().st_size
        (tmp_path / "last.ckpt" / MANIFEST).write_text(json.dumps(manifest))
        if loads:
            with pytest.raises(pickle.UnpicklingError):
                load(tmp_path / "last.ckpt")
            assert not marker.exists()
        else:
            torch.load(file, weights_only=False)  # negative control: it would have
            assert marker.exists()
