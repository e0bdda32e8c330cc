"""Packages that torch compiled ahead of time: machine code and weights in one file, which needs nothing but torch.

What it does: writes ``model.pt2``, ``model.bf16.pt2`` where the processor multiplies bf16, or ``model.int8.pt2`` of a
model with int8 products; each file is compared with the model, scored, and timed.
Use it when: the model is served with PyTorch and its processes start often: nothing is compiled when they do.
What it costs: a C++ compiler and its time; a file is for one kind of processor and one version of torch.
Composes with: every compression; int4 and fp8 weights are read into fp32.
Off switch: leave it out of the list.
Reference: https://pytorch.org/docs/stable/torch.compiler_aot_inductor.html

  accel compression=[qat] engines=[eager,aotinductor]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accel.core.engine import EngineUnavailableError, FileRunner, Inputs
from accel.core.hardware import has_bf16_products
from accel.engines import FileEngine
from accel.engines._compilers import NONE_FOUND, has_compiler
from accel.export.formats import Format

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class PackageRunner(FileRunner):
    """One .pt2 file, for any shape; it runs with torch's own threads."""

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


def _write(model: nn.Module, file: Path) -> None:
    from accel.export.pt2 import export_pt2

    export_pt2(model, file)


def _write_bfloat16(model: nn.Module, file: Path) -> None:
    from accel.export.pt2 import export_pt2_bfloat16

    export_pt2_bfloat16(model, file)


PT2 = Format("pt2", ("model.pt2",), PackageRunner, "float32", _write, instead="its products are in int8, use pt2-int8")
PT2_BF16 = Format(
    "pt2-bf16",
    ("model.bf16.pt2",),
    PackageRunner,
    "bfloat16",
    _write_bfloat16,
    instead="bf16 is for a model without int8 products, on a processor that multiplies bf16: use pt2 or pt2-int8",
)
PT2_INT8 = Format(
    "pt2-int8",
    ("model.int8.pt2",),
    PackageRunner,
    "int8",
    _write,
    instead="train it with compression=[qat] or [ptq] and scheme=int8, or use pt2",
)


@dataclass(kw_only=True)
class Aotinductor(FileEngine):
    """torch's compiled packages."""

    formats: ClassVar[tuple[Format, ...]] = (PT2, PT2_BF16, PT2_INT8)
    dense_int8: ClassVar[Format | None] = PT2_INT8
    required: ClassVar[bool] = True

    def lacks(self) -> str | None:
        return None if has_compiler() else f"aotinductor {NONE_FOUND}"

    def remedy(self) -> str:
        return "install one, or leave the engine out"

    def forms(self, model: nn.Module) -> Sequence[Format]:
        """In fp32, and in bf16 where the processor multiplies it, which is faster there; or in int8 alone."""
        from accel.ops.quantize.quantized_layers import multiplies_int8

        if multiplies_int8(model):
            return [PT2_INT8]
        return [PT2, *([PT2_BF16] if has_bf16_products() else [])]
