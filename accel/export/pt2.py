"""torch's own ahead-of-time compiled files (AOTInductor): the only file that makes them.

Their batch and length are free: compiled for one shape alone they were no faster (MiniLM, a quarter of the heads and
channels, int8, one core, in turn; ms at batch 1 and 16, 1 and 128, 16 and 128 tokens: any shape 0.65, 4.03, 61.3; that
shape alone 0.75, 4.05, 61.5; one file twice 0.65, 4.03, 61.5).
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from accel.engines._aotinductor import compile_package
from accel.engines._compilers import NONE_FOUND, has_compiler
from accel.export.onnx import Logits, UnsupportedError, any_shape, random_inputs, silence
from accel.ops.inputs import inputs_of


class _Float32Logits(Logits):
    """What whoever has the file gets, in whatever the model computes."""

    def forward(self, *tensors: Tensor) -> Tensor:
        return super().forward(*tensors).float()


def export_pt2(model: nn.Module, path: Path) -> None:
    """Compile the model for this processor, as it computes, with dynamic batch and length.

    Raises:
        UnsupportedError: there is no C++ compiler, or the architecture cannot be exported or compiled.
    """
    if not has_compiler():
        raise UnsupportedError(f"aotinductor {NONE_FOUND}")
    model = copy.deepcopy(model).eval().requires_grad_(False)
    example = tuple(torch.from_numpy(value) for value in random_inputs(model, 2, 16).values())
    names = inputs_of(model)
    unfinished = path.with_name(f".{path.name}")
    try:
        with silence(), torch.no_grad():  # weights are frozen into the code where nothing can train them
            program = torch.export.export(_Float32Logits(model), example, dynamic_shapes=any_shape(names))
            compile_package(program, unfinished, names)
    except Exception as error:  # neither exporter nor compiler has a common class of failures
        unfinished.unlink(missing_ok=True)
        raise UnsupportedError(
            f"This model cannot be compiled ahead of time ({type(error).__name__}: "
            f"{str(error).splitlines()[0][:200]}). Its safetensors folder is complete."
        ) from error
    unfinished.replace(path)


def export_pt2_bfloat16(model: nn.Module, path: Path) -> None:
    """The same with weights and products in bf16.

    Raises:
        UnsupportedError: there is no C++ compiler, or the architecture cannot be exported or compiled.
    """
    export_pt2(copy.deepcopy(model).bfloat16(), path)
