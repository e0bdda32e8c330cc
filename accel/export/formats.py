"""The files that a finished model is shipped as, and what runs each; no torch until one is made."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.core.checksums import require_whole, write_sums
from accel.core.engine import EngineUnavailableError, FileRunner

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Format:
    """One file format; ``name`` is what ``accel export --format`` takes.

    Args:
        files: in a model's folder; the first is the one that its runner is given.
        dtype: what its products compute in.
    """

    name: str
    files: Sequence[str]
    runner: type[FileRunner]
    dtype: str
    make: Callable[[nn.Module, Path], None]
    """Writes a model to a path, that of the first file."""
    instead: str = "use another format"
    """What to do where a model cannot be written as it."""

    @property
    def file(self) -> str:
        return self.files[0]

    def write(self, model: nn.Module, folder: Path) -> None:
        """Write a model, which nothing has compared yet.

        Raises:
            UnsupportedError: it cannot be made of this architecture, or here.
        """
        self.make(model, folder / self.file)
        self.note(folder)

    def note(self, folder: Path) -> None:
        """Note the digests of its files, which have just been written."""
        write_sums(folder, [name for name in self.files if (folder / name).is_file()])

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds it."""
        return (folder / self.file).is_file()

    def size_bytes(self, folder: Path) -> int:
        """What must be shipped to use it."""
        from accel.weights import artifact

        return artifact.shipped_bytes(folder, self.files)

    def load(self, folder: Path, dtype: str | None = None) -> FileRunner:
        """Made ready to run, in its own dtype or in another that its runner can compute in.

        Raises:
            EngineUnavailableError: it cannot run here.
            DataError: a file is damaged.
        """
        import torch

        require_whole(folder, self.files)
        return self.runner(folder / self.file, dtype or self.dtype, self.size_bytes(folder), torch.get_num_threads())

    def load_if_possible(self, folder: Path) -> FileRunner | None:
        """The same for who knows that the files are whole, without torch; with as many threads as the engine likes."""
        try:
            return self.runner(folder / self.file, self.dtype, sum((folder / f).stat().st_size for f in self.files), 0)
        except EngineUnavailableError:
            return None

    def reject(self, folder: Path) -> None:
        """Put the files out of the way of whoever would use them."""
        for name in self.files:
            if (folder / name).exists():
                (folder / name).rename(folder / f"{name}.rejected")


def float_copy(model: nn.Module) -> nn.Module:
    """The model itself, or for a quantized model an fp32 copy of the same values."""
    from accel.ops.quantize.quantized_layers import quantized, to_float

    return to_float(copy.deepcopy(model)) if quantized(model) else model
