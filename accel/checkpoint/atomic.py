"""Checkpoints that are either the old one or the new one, whatever happens while they are written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from accel.checkpoint.sharded import is_folder, load, newest, put_in_place
from accel.errors import RunError

LAST = "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, syncs, then renames.

    Lightning's own atomic save writes to the system's temporary folder first; where that is another file system the
    final move is a copy, and a kill or a full disk during it destroys the old checkpoint too.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            if target.is_dir():  # what several processes saved before
                put_in_place(temporary, target)
            else:
                temporary.replace(target)
        except (OSError, RuntimeError) as error:  # of a full disk, torch tells by a RuntimeError about positions
            raise RunError(_unwritten(target, error)) from error
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        if is_folder(Path(path)):
            return load(Path(path))
        return super().load_checkpoint(newest(Path(path)), map_location, weights_only)


def _unwritten(target: Path, error: Exception) -> str:
    free = shutil.disk_usage(target.parent).free / 1e9
    reason = str(error).splitlines()[0]
    return (
        f"The checkpoint {target} could not be written ({reason}). {free:.1f} GB are free there: make room, or let "
        f"hydra.run.dir be on another disk. The checkpoint before is untouched."
    )


def _sync_folder(folder: Path) -> None:
    """A rename is only durable once its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
