"""A flipped bit anywhere is found, and only then; the control looks at sizes alone and finds none."""

import os
import random

import pytest
import torch

from accel.core import checksums
from accel.core.checksums import SUMS, is_sealed_whole, is_whole, require_whole, seal, write_sums
from accel.errors import DataError


def flip(file, bit):
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


def random_bits(file, count):
    return random.Random(0).sample(range(file.stat().st_size * 8), count)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "weights").write_bytes(os.urandom(4096))
    (tmp_path / "deep" / "note.json").write_text("{}")
    write_sums(tmp_path)
    return tmp_path


@pytest.fixture
def archive(tmp_path):
    file = tmp_path / "last.ckpt"
    torch.save({"w": torch.arange(500.0)}, file)
    seal(file)
    return file


@pytest.mark.fault("R7")
@pytest.mark.parametrize("name", ["weights", "deep/note.json"])
def test_a_flipped_bit_of_a_folder_is_found(folder, name):
    assert is_whole(folder)
    for bit in random_bits(folder / name, 16):
        flip(folder / name, bit)
        assert not is_whole(folder)
        with pytest.raises(DataError, match="is not what was written"):
            require_whole(folder, [name])
        flip(folder / name, bit)
    assert is_whole(folder)


def test_without_digests_a_flipped_bit_passes(folder, monkeypatch):
    monkeypatch.setattr(checksums, "digest_of", lambda file: str(file.stat().st_size))
    write_sums(folder)
    flip(folder / "weights", 77)
    assert is_whole(folder)


def test_a_flipped_bit_of_the_digests_themselves_is_found(folder):
    for bit in random_bits(folder / SUMS, 32):
        flip(folder / SUMS, bit)
        assert not is_whole(folder)
        flip(folder / SUMS, bit)


def test_a_lost_file_is_found_and_an_added_one_is_not_asked_about(folder):
    (folder / "model.onnx").write_text("made later")
    assert is_whole(folder)
    write_sums(folder, ["model.onnx"])
    assert is_whole(folder)
    (folder / "weights").unlink()
    assert not is_whole(folder)
    require_whole(folder, ["weights", "never noted"])


def test_what_nobody_noted_is_no_whole_cache(tmp_path):
    assert not is_whole(tmp_path)


def test_every_bit_of_a_sealed_archive_counts_and_torch_reads_it(archive):
    last = range((archive.stat().st_size - 90) * 8, archive.stat().st_size * 8)
    for bit in [*random_bits(archive, 200), *last]:
        flip(archive, bit)
        assert not is_sealed_whole(archive), bit
        flip(archive, bit)
    assert is_sealed_whole(archive)
    for mapped in (True, False):
        assert torch.load(archive, weights_only=True, mmap=mapped)["w"].sum() == 124750


def test_an_archive_of_an_earlier_version_counts_as_whole_unless_it_is_cut(tmp_path):
    file = tmp_path / "old.ckpt"
    torch.save({"w": 1}, file)
    assert is_sealed_whole(file)
    os.truncate(file, file.stat().st_size - 1)
    assert not is_sealed_whole(file)
