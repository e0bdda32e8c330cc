"""torch.compile: kernels fused for this processor and this shape, and weights in floats pre-packed.

Weights are frozen by inductor's own setting: as an option of ``torch.compile`` it comes too late (2.13), when they are
inputs of the graph already, and nothing is packed. int8 weights stay inputs: frozen, their products end in a kernel
700 times slower (AVX-512 VNNI without AMX).

The only file that touches inductor's configuration.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from accel.engines import Engine, EngineUnavailableError, Inputs
from accel.engines._compilers import NONE_FOUND, has_compiler

NO_SILENT_EAGER: dict[str, Any] = {
    "recompile_limit": 256,
    "accumulated_recompile_limit": 1024,
    "fail_on_recompile_limit_hit": True,
}
"""All models share one ``forward``; past eight of them, torch would run the next ones eagerly and say so in a log."""
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
        self.compiled = torch.compile(self.model, dynamic=False)

    @torch.inference_mode()
    def run(self, inputs: Inputs) -> np.ndarray:
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        return self.compiled(**tensors).logits.float().numpy()

    def prepare(self, inputs: Inputs) -> None:
        levels = {name: logging.getLogger(name).level for name in CHATTY}
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            with self._settings(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                super().prepare(inputs)
        except Exception as error:  # the compiler's failures have no common class
            raise EngineUnavailableError(f"inductor cannot compile this model here: {str(error)[:160]}") from error
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        frozen = self.dtype != "int8"
        with torch._dynamo.config.patch(NO_SILENT_EAGER), torch._inductor.config.patch(freezing=frozen):  # type: ignore[attr-defined]
            yield

    def close(self) -> None:
        torch.compiler.reset()
