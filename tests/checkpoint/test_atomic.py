import pytest
import torch

from accel.checkpoint.atomic import AtomicCheckpointIO
from accel.errors import RunError


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
