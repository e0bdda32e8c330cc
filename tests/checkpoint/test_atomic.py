"""A checkpoint is the old one or the new one, whole, whatever happens; what is damaged is found.

``KILLS=50 SEEDS=10 pytest tests/checkpoint/test_atomic.py`` kills 100 saves, damages 600 checkpoints, tries 500 sequences.
"""

import json
import multiprocessing
import os
import random
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from accel.checkpoint.atomic import AtomicCheckpointIO
from accel.checkpoint.sharded import drop_before, fall_back, is_whole, put_back, save, step_of
from accel.core.checksums import seal
from accel.errors import DataError, RunError
from tests.run_folder import wait_for


def test_round_trip_leaves_nothing_else(tmp_path):
    path = tmp_path / "deep" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(3)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["a"], torch.ones(3))
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("name", [".last.ckpt.123.tmp", ".last.ckpt.parts"])
def test_a_run_that_goes_on_removes_what_a_killed_one_had_begun(tmp_path, name):
    saved_twice(tmp_path / "last.ckpt")
    if name.endswith("parts"):
        (tmp_path / name).mkdir()
    (tmp_path / name / "rank0.json" if name.endswith("parts") else tmp_path / name).write_text("half")
    assert put_back(tmp_path / "last.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".last.ckpt.old", "last.ckpt"]


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


KILLS, SEQUENCES = 2 * int(os.environ.get("KILLS", "5")), 50 * int(os.environ.get("SEEDS", "1"))
DAMAGED = 2 * int(os.environ.get("KILLS", "10"))
BIG = 2_000_000


def save_for_ever(path, save, saved):
    """A process that does nothing else."""
    for step in range(1, 10**6):
        save({"global_step": step, "a": torch.full((BIG,), float(step))}, path)
        saved.value = step


def in_place(checkpoint, path):
    torch.save(checkpoint, path)
    seal(path)


def kills_while_saving(path, save, count):
    """Kill it at a random moment, so often: how many checkpoints were whole, by what the process had told."""
    forked, rng, whole = multiprocessing.get_context("fork"), random.Random(0), 0
    for _ in range(count):
        saved = forked.Value("i", 0)
        process = forked.Process(target=save_for_ever, args=(path, save, saved))
        process.start()
        wait_for(lambda saved=saved: saved.value > 0)
        time.sleep(rng.uniform(0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with suppress(RuntimeError, OSError, DataError):
            whole += put_back(path) and is_whole(path) and step_of(path) >= saved.value
    return whole


@pytest.mark.fault("R3")
def test_killed_at_any_moment_of_a_save_the_last_one_is_whole(tmp_path):
    assert kills_while_saving(tmp_path / "last.ckpt", AtomicCheckpointIO().save_checkpoint, KILLS) == KILLS
    assert not list(tmp_path.glob("*.tmp"))


def test_written_in_place_some_are_torn(tmp_path):
    """Negative control."""
    assert kills_while_saving(tmp_path / "last.ckpt", in_place, 10) < 10


@pytest.mark.fault("R5")
@pytest.mark.parametrize("share", range(20))
def test_a_disk_that_fills_at_any_write_leaves_the_old_one(tmp_path, share):
    """The limit of a file's size is a disk that is full after so many bytes."""
    path = tmp_path / "last.ckpt"
    save = AtomicCheckpointIO().save_checkpoint
    save({"global_step": 1, "a": torch.zeros(BIG // 10)}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size * share // 20, hard))
        with pytest.raises(RunError, match=r"could not be written.* GB are free there.*before is untouched"):
            save({"global_step": 2, "a": torch.ones(BIG // 10)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (is_whole(path), step_of(path)) == (True, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def whole_file(path, step):
    AtomicCheckpointIO().save_checkpoint({"global_step": step, "a": torch.arange(5000.0) + step}, path)


def whole_folder(path, step):
    save({"global_step": step, "a": torch.arange(5000.0) + step}, path, rank=0, world_size=1, meet=lambda: None)


def cut_short(path, rng):
    os.truncate(path, rng.randrange(path.stat().st_size))


def flip_a_bit(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def zero_a_block(path, rng):
    content = bytearray(path.read_bytes())
    start = rng.choice([n for n in range(len(content) - 512) if any(content[n : n + 512])])
    content[start : start + 512] = bytes(512)
    path.write_bytes(content)


def lose_a_part(path, rng):
    rng.choice(sorted(path.iterdir())).unlink()


def swap_a_part(path, rng):
    """With the same part of another checkpoint, of the same size."""
    other = path.with_name("other")
    whole_folder(other, rng.randrange(10, 100))
    (path / "rest.ckpt").write_bytes((other / "rest.ckpt").read_bytes())


def edit_the_manifest(path, rng):
    manifest = json.loads((path / "manifest.json").read_text())
    kind = rng.choice(["files", "sha256"])
    name = rng.choice(sorted(manifest[kind]))
    manifest[kind].pop(name) if rng.random() < 0.5 else manifest[kind].update({name: 0})
    (path / "manifest.json").write_text(json.dumps(manifest))


DAMAGES = [
    (whole_file, cut_short),
    (whole_file, flip_a_bit),
    (whole_file, zero_a_block),
    (whole_folder, lose_a_part),
    (whole_folder, swap_a_part),
    (whole_folder, edit_the_manifest),
]


@pytest.mark.fault("R7")
@pytest.mark.parametrize(("make", "damage"), DAMAGES, ids=lambda f: f.__name__)
def test_every_damage_is_found_and_the_one_before_is_used(tmp_path, make, damage):
    rng, path = random.Random(0), tmp_path / "last.ckpt"
    found = 0
    for _ in range(DAMAGED):
        make(path, 1)
        make(path, 2)
        damage(path, rng)
        found += not is_whole(path) and fall_back(path) and step_of(path) == 1
    assert found == DAMAGED
    make(path, 3)
    assert is_whole(path)  # negative control: nothing is said of one that was not touched


class Killed(BaseException):
    pass


@pytest.mark.fault("R8")
@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_done_in_any_order_the_newest_whole_one_stays(tmp_path, monkeypatch, seed):
    """Saves, kills at each rename, damages and clean-ups; at most one of the two checkpoints is ever damaged."""
    for number in range(SEQUENCES // 5):
        _any_order(tmp_path / str(number), random.Random(f"{seed} {number}"), monkeypatch)


def _any_order(folder, rng, monkeypatch):
    path, newest_whole, damaged = folder / "last.ckpt", 0, False
    for step in range(1, 8):
        action = rng.choice(["save", "save", "kill", "damage", "clean up"])
        if action == "save":
            whole_file(path, step)
            newest_whole, damaged = step, False
        elif action == "kill":
            newest_whole = max(newest_whole, _killed_save(path, step, rng, monkeypatch))
            damaged = damaged and newest_whole != step
        elif action == "clean up" and path.exists():
            drop_before(path)
        elif action == "damage" and path.exists() and not damaged and _is_whole_if_there(_old(path)):
            before = step_of(_old(path))
            flip_a_bit(path, rng)
            newest_whole, damaged = before, True
        if newest_whole and rng.random() < 0.5:
            assert put_back(path)
            fall_back(path)
            assert (is_whole(path), step_of(path)) == (True, newest_whole), (action, step)
            damaged = False


def _old(path):
    return path.with_name(".last.ckpt.old")


def _is_whole_if_there(path):
    return path.exists() and is_whole(path)


def _killed_save(path, step, rng, monkeypatch):
    """A save that ends at its n-th rename; the step, if the new one is in place."""
    left, replace = rng.randrange(2), Path.replace
    done = []

    def rename(file, target):
        if len(done) == left:
            raise Killed
        done.append(replace(file, target))
        return done[-1]

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(Path, "replace", rename)
        whole_file(path, step)
    path.with_name(f".{path.name}.7.tmp").write_text("half of it")  # which a real kill leaves
    return step if done else 0
