"""torch.compile with frozen weights: kernels fused and weights pre-packed for this processor and this shape.

The only file that touches inductor's configuration.
"""

from __future__ import annotations

import copy
import logging
import warnings
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from accel.compilers import NONE_FOUND, has_compiler
from accel.engines import Engine, EngineUnavailableError, Inputs

OPTIONS: dict[str, Any] = {"freezing": True}
CHATTY = ("torch._inductor", "torch._dynamo", "torch.fx", "torchao")


class Inductor(Engine):
    """A compiled copy of the model, one compilation per input shape.

    Args:
        model: fp32, or with torchao's int8 layers when ``dtype`` is int8.
        dtype: bfloat16 compiles a bf16 copy.
    """

    name: ClassVar[str] = "inductor"

    def __init__(self, model: nn.Module, dtype: str, size_bytes: int) -> None:
        super().__init__(dtype, size_bytes)
        if not has_compiler():
            raise EngineUnavailableError(f"inductor {NONE_FOUND}")
        model = copy.deepcopy(model).eval().requires_grad_(False)
        self.model = model.bfloat16() if dtype == "bfloat16" else model
        self.compiled = torch.compile(self.model, dynamic=False, options=OPTIONS)

    @torch.inference_mode()
    def run(self, inputs: Inputs) -> np.ndarray:
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        return self.compiled(**tensors).logits.float().numpy()

    def prepare(self, inputs: Inputs) -> None:
        levels = {name: logging.getLogger(name).level for name in CHATTY}
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                super().prepare(inputs)
        except Exception as error:  # the compiler's failures have no common class
            raise EngineUnavailableError(f"inductor cannot compile this model here: {str(error)[:160]}") from error
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)

    def close(self) -> None:
        torch.compiler.reset()
