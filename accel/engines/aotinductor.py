"""Packages that torch compiled ahead of time: machine code and weights in one file, which needs nothing but torch."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from accel.engines import EngineUnavailableError, FileEngine, Inputs


class AotInductor(FileEngine):
    """One .pt2 file, for any shape; it runs with torch's own threads."""

    name: ClassVar[str] = "aotinductor"
    imports: ClassVar[str] = "import numpy, torch"
    answer: ClassVar[str] = """
model = torch._C._aoti.AOTIModelPackageLoader(path, "model", False, 1, -1)
names = model.get_metadata().get("ACCEL_INPUTS", "input_ids,attention_mask").split(",")
logits = model.run([torch.from_numpy(inputs[name]) for name in names])[0].numpy()
"""

    def __init__(self, path: Path, dtype: str, size_bytes: int, num_threads: int) -> None:
        super().__init__(path, dtype, size_bytes, num_threads)
        from accel.engines._aotinductor import Package, why_not

        try:
            reason = why_not(path)
            if reason is not None:
                raise EngineUnavailableError(f"aotinductor cannot load {path.name}: {reason}")
            self.package = Package(path)
        except RuntimeError as error:
            raise EngineUnavailableError(f"aotinductor cannot load {path.name}: {str(error)[:160]}") from error

    def run(self, inputs: Inputs) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.package(*(torch.from_numpy(inputs[name]) for name in self.package.inputs)).numpy()

    def close(self) -> None:
        del self.package
