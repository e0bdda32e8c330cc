"""torch's ahead-of-time compiler: the only file that uses its names, most of which torch calls private (2.13).

``torch._inductor.aoti_load_package`` is the documented way to load a package; the class below is what it wraps, and the
wrapper imports the compiler for it, which takes two seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.export import ExportedProgram

TORCH = "ACCEL_TORCH"
"""Where the version of torch stands in a package's metadata; the processor's instructions stand there by torch."""
INSTRUCTIONS = "AOTI_CPU_ISA"
INPUTS = "ACCEL_INPUTS"
"""Where the names of its inputs stand, in order; a package that does not say takes the two that every model has."""
MODEL = "model"
"""The name that a package of one model has for it."""


def compile_package(program: ExportedProgram, file: Path, inputs: Sequence[str]) -> None:
    """Compile for this processor, with the weights inside, and put in the layout that its kernels want."""
    said = {TORCH: torch.__version__, INPUTS: ",".join(inputs)}
    options: dict[str, Any] = {"freezing": True, "aot_inductor.metadata": said}
    torch._inductor.aoti_compile_and_package(program, package_path=str(file), inductor_configs=options)


class Package:
    """A compiled model: machine code that takes and gives tensors.

    ``inputs`` has the names of those that it takes, in order.
    """

    def __init__(self, file: Path) -> None:
        self.loader = torch._C._aoti.AOTIModelPackageLoader(str(file), MODEL, False, 1, -1)  # type: ignore[attr-defined]
        self.inputs: list[str] = self.loader.get_metadata().get(INPUTS, "input_ids,attention_mask").split(",")

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Its only output."""
        return self.loader.run(list(inputs))[0]


def why_not(file: Path) -> str | None:
    """What keeps a package from running here: machine code for another processor would end the process."""
    made_for: dict[str, str] = torch._C._aoti.AOTIModelPackageLoader.load_metadata_from_package(str(file), MODEL)  # type: ignore[attr-defined]
    if made_for.get(TORCH) != torch.__version__:
        return f"it was compiled with torch {made_for.get(TORCH)}, and this is {torch.__version__}"
    wanted, found = made_for.get(INSTRUCTIONS, ""), _instructions()
    return None if wanted == found else f"it was compiled for a processor with {wanted}, and this one has {found}"


def _instructions() -> str:
    from torch._inductor.codecache import get_device_information

    return get_device_information("cpu")[INSTRUCTIONS]
