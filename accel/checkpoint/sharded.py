"""Checkpoints of which every process writes its own part, and any number of processes reads what it needs.

A folder: ``rank0.safetensors``, ``rank1.safetensors`` … hold parts of tensors, ``rank0.json`` … say where in the whole
tensors they belong, ``rest.ckpt`` holds everything else with a mark in the place of each tensor, and ``manifest.json``
is written last. Nothing in it is a pickle that could run code. The folder appears whole or not at all; while it takes
the place of an older one, that one stays beside it until the new one is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from accel.core.checksums import digest_of, is_sealed_whole
from accel.errors import DataError
from accel.ops.parallel.shards import is_sharded, pieces_of, writes

MANIFEST, REST = "manifest.json", "rest.ckpt"
MARK = "accel_sharded_tensor"
"""Key of what stands in ``rest.ckpt`` for a tensor."""
FORMAT = 2


@dataclass(frozen=True)
class Wanted:
    """The part of a tensor that this process needs, and what it makes of it."""

    offset: tuple[int, ...]
    shape: tuple[int, ...]
    make: Callable[[Tensor], Tensor]


Want = Callable[[str, tuple[int, ...]], Wanted | None]
"""(key, shape of the whole) -> the part that is needed; None for all of it."""


def everything(key: str, shape: tuple[int, ...]) -> None:
    """Every tensor whole: for one process, or for processes that each hold the whole model."""
    del key, shape


def is_folder(path: Path) -> bool:
    """Whether the checkpoint there is of this kind."""
    return newest(path).is_dir()


def newest(path: Path) -> Path:
    """The checkpoint, or the one before it where a kill came between the two renames that replace it."""
    return next((one for one in (path, _leaving(path)) if one.exists()), _aside(path))


def put_back(path: Path) -> bool:
    """Give the checkpoint its name again where a kill came between the two renames; whether there is one.

    What a killed process had begun to write is removed: whoever asks holds the run's folder.
    """
    for orphan in (*path.parent.glob(f".{path.name}.*.tmp"), path.with_name(f".{path.name}.parts")):
        _remove(orphan)
    if not path.exists() and newest(path).exists():
        newest(path).rename(path)
    return path.exists()


def fall_back(path: Path) -> bool:
    """Let the checkpoint before take the place of a damaged one, which is kept as ``.damaged``; whether it had to.

    Raises:
        DataError: there is none before it, or that one is damaged too; nothing is changed.
    """
    if is_whole(path):
        return False
    before = _aside(path)
    if not (before.exists() and is_whole(before)):
        raise DataError(
            f"The checkpoint {path} is damaged (its digest is not that of its content), and there is no whole one "
            f"before it. Start the run again without resume, or copy the checkpoint again."
        )
    damaged = path.with_name(f".{path.name}.damaged")
    _remove(damaged)
    path.rename(damaged)
    before.rename(path)
    _sync(path.parent)
    return True


def drop_before(path: Path) -> None:
    """Remove the checkpoint before the last one, once that one is known to be whole."""
    if path.exists() and is_whole(path):
        for before in (_aside(path), _leaving(path)):
            _remove(before)


def is_whole(path: Path) -> bool:
    """Whether a checkpoint is what was written, every byte of it."""
    if not path.is_dir():
        return is_sealed_whole(path)
    try:
        manifest = _manifest(path)
        files, digests = set(manifest["files"]), manifest["sha256"] if len(manifest) > 3 else {}
        parts = {f"rank{rank}.{kind}" for rank in range(manifest["world_size"]) for kind in ("json", "safetensors")}
        whole = all(digest_of(path / name) == digest for name, digest in digests.items())
        return whole and files == {*parts, REST} and (not digests or files == set(digests))
    except (DataError, KeyError, OSError):
        return False


def step_of(path: Path) -> int:
    """The optimizer step at which it was saved."""
    file = newest(path) / REST if is_folder(path) else newest(path)
    return int(torch.load(file, weights_only=True, mmap=True, map_location="cpu")["global_step"])


def save(checkpoint: Mapping[str, Any], target: Path, *, rank: int, world_size: int, meet: Callable[[], None]) -> None:
    """Write this process's part; every process calls it with the same target on a common disk.

    Args:
        checkpoint: nested dicts and lists; sharded tensors anywhere in it.
        meet: returns when every process has called it.
    """
    temporary = target.with_name(f".{target.name}.parts")
    if rank == 0:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    meet()
    parts: dict[str, Tensor] = {}
    index: dict[str, Any] = {}
    rest = _marked(checkpoint, "", parts, index)
    save_file(parts, temporary / f"rank{rank}.safetensors")
    (temporary / f"rank{rank}.json").write_text(json.dumps(index))
    if rank == 0:
        torch.save(rest, temporary / REST)
    _sync(temporary, f"rank{rank}.safetensors", f"rank{rank}.json", *([REST] if rank == 0 else []))
    meet()
    if rank == 0:
        files = {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}
        digests = {name: digest_of(temporary / name) for name in files}
        manifest = {"format": FORMAT, "world_size": world_size, "files": files, "sha256": digests}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1))
        _sync(temporary, MANIFEST)
        put_in_place(temporary, target)
    meet()


def put_in_place(new: Path, target: Path) -> None:
    """Let a file or folder take the place of another, which stays beside it until the next one comes.

    The one before that goes last: whatever the target is by now, at no moment is there no whole one.
    """
    leaving = _leaving(target)
    if target.exists():
        _remove(leaving)
        _set_aside(target, leaving, replaceable=new.is_file())
    new.replace(target)
    if leaving.exists():
        _remove(_aside(target))
        leaving.rename(_aside(target))
    _sync(target.parent)


def _set_aside(target: Path, old: Path, *, replaceable: bool) -> None:
    """A file that a file will replace gets a second name, so that the first is never without one."""
    if replaceable and target.is_file():
        with suppress(OSError):  # a disk without hard links
            os.link(target, old)
            return
    target.rename(old)


def load(path: Path, want: Want = everything) -> dict[str, Any]:
    """The checkpoint as it was saved, each tensor whole or as the part that is wanted.

    Raises:
        DataError: a file is missing, cut short, or holds less than the whole tensor.
    """
    folder = newest(path)
    manifest = _manifest(folder)
    pieces = _Pieces(folder, int(manifest["world_size"]))
    rest = torch.load(folder / REST, weights_only=True, map_location="cpu")
    return _filled(rest, pieces, want)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        sizes = {name: (folder / name).stat().st_size for name in manifest["files"]}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"The checkpoint {folder} is not complete ({error}): resume from another one.") from error
    wrong = [name for name, size in manifest["files"].items() if sizes[name] != size]
    if wrong or manifest["format"] != FORMAT:
        raise DataError(f"The checkpoint {folder} is damaged ({', '.join(wrong)}): resume from another one.")
    return manifest


def _marked(value: Any, key: str, parts: dict[str, Tensor], index: dict[str, Any]) -> Any:
    """The same structure with marks for sharded tensors, whose local parts go into ``parts``."""
    if isinstance(value, Tensor) and is_sharded(value):
        pieces = [piece for piece in pieces_of(value) if piece.values.numel()] if writes(value) else []
        for number, piece in enumerate(pieces):
            parts[f"{key}#{number}"] = _own_copy(piece.values.cpu().contiguous(), parts)
        index[key] = [piece.offset for piece in pieces]
        return {MARK: key, "shape": list(value.shape), "dtype": value.dtype}
    if isinstance(value, Mapping):
        return {k: _marked(v, f"{key}/{k}".lstrip("/"), parts, index) for k, v in value.items()}
    if isinstance(value, list):
        return [_marked(v, f"{key}/{i}".lstrip("/"), parts, index) for i, v in enumerate(value)]
    return value


def _own_copy(part: Tensor, others: Mapping[str, Tensor]) -> Tensor:
    """Not the memory of a tied weight, which safetensors would refuse."""
    shared = any(part.data_ptr() == other.data_ptr() for other in others.values())
    return part.clone() if shared else part


def _filled(value: Any, pieces: _Pieces, want: Want) -> Any:
    if isinstance(value, Mapping) and MARK in value:
        key, shape = str(value[MARK]), tuple(value["shape"])
        wanted = want(key, shape) or Wanted((0,) * len(shape), shape, lambda part: part)
        return wanted.make(pieces.part(key, wanted.offset, wanted.shape, value["dtype"]))
    if isinstance(value, Mapping):
        return {k: _filled(v, pieces, want) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, pieces, want) for v in value]
    return value


class _Pieces:
    """Reads slices of the ranks' files; only what is asked for is read from the disk."""

    def __init__(self, folder: Path, world_size: int) -> None:
        self.folder = folder
        self.files = [safe_open(folder / f"rank{rank}.safetensors", framework="pt") for rank in range(world_size)]
        self.indices = [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(world_size)]

    def part(self, key: str, offset: Sequence[int], shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """The numbers [offset, offset + shape) of a tensor, from whichever files hold them."""
        found = torch.empty(tuple(shape), dtype=dtype)
        missing = found.numel()
        for file, index in zip(self.files, self.indices, strict=True):
            for number, start in enumerate(index.get(key, ())):
                if missing > 0:
                    missing -= self._copy(file.get_slice(f"{key}#{number}"), start, offset, found)
        if missing > 0:
            raise DataError(f"The checkpoint {self.folder} lacks {missing} numbers of {key}: resume from another one.")
        return found

    def _copy(self, piece: Any, start: Sequence[int], offset: Sequence[int], found: Tensor) -> int:
        """Copy what a piece shares with the wanted part; how many numbers that is."""
        begins = [max(a, b) for a, b in zip(start, offset, strict=True)]
        ends = [min(a + n, b + m) for a, n, b, m in zip(start, piece.get_shape(), offset, found.shape, strict=True)]
        if any(begin >= end for begin, end in zip(begins, ends, strict=True)):
            return 0
        source = tuple(slice(b - s, e - s) for b, e, s in zip(begins, ends, start, strict=True))
        target = tuple(slice(b - o, e - o) for b, e, o in zip(begins, ends, offset, strict=True))
        block = piece[source]
        found[target] = block
        return block.numel()


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _leaving(path: Path) -> Path:
    """What is about to be the one before."""
    return path.with_name(f".{path.name}.leaving")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(folder: Path, *names: str) -> None:
    """A write is durable once the file is synced, a rename once its folder is."""
    for path in (*(folder / name for name in names), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
