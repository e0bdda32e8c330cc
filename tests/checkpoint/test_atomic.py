import pytest
import torch

from accel.checkpoint.atomic import AtomicCheckpointIO
from accel.checkpoint.sharded import fall_back, step_of
from accel.errors import DataError, RunError


def test_round_trip_leaves_nothing_else(tmp_path):
    path = tmp_path / "deep" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(3)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["a"], torch.ones(3))
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


def test_a_failed_save_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": 1}, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("accel.checkpoint.atomic.os.fsync", full)
    with pytest.raises(RunError, match="No space left on device.*The checkpoint before is untouched"):
        AtomicCheckpointIO().save_checkpoint({"a": 2}, path)
    assert torch.load(path, weights_only=True) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def saved_twice(path):
    AtomicCheckpointIO().save_checkpoint({"global_step": 1}, path)
    AtomicCheckpointIO().save_checkpoint({"global_step": 2}, path)


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path):
    path = tmp_path / "last.ckpt"
    saved_twice(path)
    assert not fall_back(path)
    assert step_of(path) == 2
    damage(path)
    assert fall_back(path)
    assert step_of(path) == 1
    assert (tmp_path / ".last.ckpt.damaged").is_file()


def test_without_a_whole_one_nothing_is_changed(tmp_path):
    path = tmp_path / "last.ckpt"
    saved_twice(path)
    damage(path)
    damage(tmp_path / ".last.ckpt.old")
    with pytest.raises(DataError, match="is damaged.*no whole one before it"):
        fall_back(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".last.ckpt.old", "last.ckpt"]


def test_what_a_killed_process_left_is_cleaned_up(tmp_path):
    (tmp_path / ".last.ckpt.123.tmp").write_text("half")
    AtomicCheckpointIO().save_checkpoint({"a": 1}, tmp_path / "last.ckpt")
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]
