"""PyTorch on an NVIDIA GPU in half precision; with the sparse kernels for a model whose weights are 2:4.

What it does: times a copy of the model in float16 on the first GPU, and with torch's 2:4 kernels where
``compression=[mask]`` left such weights.
Use it when: the model is served on a GPU, or you want to know what 2:4 masks save there.
What it costs: a GPU; without one, or without such kernels, it is left out and the record says why.
Composes with: every compression; int8 layers are read into float16, so it says nothing of int8.
Off switch: leave it out of the list.
Reference: Mishra et al. 2021 (https://arxiv.org/abs/2104.08378), https://pytorch.org/docs/stable/sparse.html

  accel compression=[mask] compression.mask.pattern=2:4 engines=[eager,cuda]
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accel.core.engine import Engine, EngineUnavailableError, Inputs, Runner
from accel.core.hardware import may_have_gpu

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

SPARSE = "float16 2:4"


class CudaRunner(Runner):
    """A copy of the model on the GPU.

    Args:
        model: fp32, on the CPU.
        dtype: ``float16``, or ``float16 2:4`` for the sparse kernels.

    Raises:
        EngineUnavailableError: there is no such GPU, no such kernel, or no layer for it.
    """

    device: ClassVar[str] = "cuda"

    def __init__(self, model: nn.Module, dtype: str, size_bytes: int) -> None:
        import torch

        from accel.ops.sparse.semi_structured import compress, why_not

        super().__init__(dtype, size_bytes)
        if not torch.cuda.is_available():
            raise EngineUnavailableError("cuda needs an NVIDIA GPU, and torch finds none")
        reason = why_not() if dtype == SPARSE else None
        if reason is not None:
            raise EngineUnavailableError(reason)
        self.model = copy.deepcopy(model).eval().requires_grad_(False).to("cuda", torch.float16)
        if dtype == SPARSE and compress(self.model) == 0:
            raise EngineUnavailableError("no layer of this model is 2:4: train it with compression.mask.pattern=2:4")

    def run(self, inputs: Inputs) -> np.ndarray:
        import torch

        with torch.inference_mode():
            tensors = {name: torch.from_numpy(value).to("cuda") for name, value in inputs.items()}
            return self.model(**tensors).logits.float().cpu().numpy()

    def close(self) -> None:
        import torch

        del self.model
        torch.cuda.empty_cache()


@dataclass(kw_only=True)
class Cuda(Engine):
    """The exported model in PyTorch on a GPU."""

    multiplies_int8: ClassVar[bool] = False

    def lacks(self) -> str | None:
        return None if may_have_gpu() else "it needs an NVIDIA GPU, and there is none"

    def candidates(self, model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Runner]]:
        from accel.export.formats import float_copy
        from accel.ops.sparse.semi_structured import sparse_layers
        from accel.weights import artifact

        plain, size = float_copy(model), artifact.shipped_bytes(folder)
        forms = ["float16", *([SPARSE] if sparse_layers(plain) else [])]
        return {dtype: partial(CudaRunner, plain, dtype, size) for dtype in forms}
