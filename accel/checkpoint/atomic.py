"""Checkpoints that are either the old one or the new one, whatever happens while they are written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from accel.checkpoint.sharded import is_folder, load, newest, put_in_place
from accel.core.checksums import seal
from accel.errors import RunError

LAST = "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, seals with a digest, syncs, then renames; the one before stays beside it.

    Lightning's own atomic save writes to the system's temporary folder first; where that is another file system the
    final move is a copy, and a kill or a full disk during it destroys the old checkpoint too.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        for orphan in target.parent.glob(f".{target.name}.*.tmp"):  # of a process that was killed while it saved
            orphan.unlink(missing_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            torch.save(checkpoint, temporary)
            seal(temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            put_in_place(temporary, target)
        except (OSError, RuntimeError) as error:  # of a full disk, torch tells by a RuntimeError about positions
            raise RunError(_unwritten(target, error)) from error
        finally:
            temporary.unlink(missing_ok=True)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        if is_folder(Path(path)):
            return load(Path(path))
        return super().load_checkpoint(newest(Path(path)), map_location, weights_only=True)  # whatever is asked


def _unwritten(target: Path, error: Exception) -> str:
    free = shutil.disk_usage(target.parent).free / 1e9
    reason = str(error).splitlines()[0]
    return (
        f"The checkpoint {target} could not be written ({reason}). {free:.1f} GB are free there: make room, or let "
        f"hydra.run.dir be on another disk. The checkpoint before is untouched."
    )
