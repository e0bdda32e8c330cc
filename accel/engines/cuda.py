"""PyTorch on an NVIDIA GPU in half precision; with the sparse kernels for a model whose weights are 2:4."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from accel.engines import Engine, EngineUnavailableError, Inputs
from accel.ops.sparse.semi_structured import compress, why_not

SPARSE = "float16 2:4"


class Cuda(Engine):
    """A copy of the model on the GPU.

    Args:
        model: fp32, on the CPU.
        dtype: ``float16``, or ``float16 2:4`` for the sparse kernels.

    Raises:
        EngineUnavailableError: there is no such GPU, no such kernel, or no layer for it.
    """

    name: ClassVar[str] = "cuda"

    def __init__(self, model: nn.Module, dtype: str, size_bytes: int) -> None:
        super().__init__(dtype, size_bytes)
        if not torch.cuda.is_available():
            raise EngineUnavailableError("cuda needs an NVIDIA GPU, and torch finds none")
        reason = why_not() if dtype == SPARSE else None
        if reason is not None:
            raise EngineUnavailableError(reason)
        self.model = copy.deepcopy(model).eval().requires_grad_(False).to("cuda", torch.float16)
        if dtype == SPARSE and compress(self.model) == 0:
            raise EngineUnavailableError("no layer of this model is 2:4: train it with compression.mask.pattern=2:4")

    @torch.inference_mode()
    def run(self, inputs: Inputs) -> np.ndarray:
        tensors = {name: torch.from_numpy(value).to("cuda") for name, value in inputs.items()}
        return self.model(**tensors).logits.float().cpu().numpy()

    def close(self) -> None:
        del self.model
        torch.cuda.empty_cache()
