"""torch.compile: kernels fused for this processor and this shape, and weights in floats pre-packed.

What it does: times a compiled copy of the model, anew for each shape of its inputs; in bf16 too where the processor
multiplies it.
Use it when: the model is served from Python with PyTorch, and its process lives long enough to compile first.
What it costs: a C++ compiler, and the time to compile each form of the model for each shape.
Composes with: everything; without a compiler it is left out and the record says why.
Off switch: leave it out of the list.
Reference: Ansel et al. 2024 (https://doi.org/10.1145/3620665.3640366)

  accel engines=[eager,inductor]
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.engine import Engine, EngineUnavailableError, Inputs, Runner
from accel.core.hardware import has_bf16_products
from accel.engines._compilers import NONE_FOUND, has_compiler

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

NO_SILENT_EAGER: dict[str, Any] = {
    "recompile_limit": 256,
    "accumulated_recompile_limit": 1024,
    "fail_on_recompile_limit_hit": True,
}
"""All models share one ``forward``; past eight of them, torch would run the next ones eagerly and say so in a log."""
CHATTY = ("torch._inductor", "torch._dynamo", "torch.fx", "torchao")


class InductorRunner(Runner):
    """A compiled copy of the model, one compilation per input shape. Nobody else touches inductor's configuration.

    Weights are frozen by inductor's own setting: as an option of ``torch.compile`` it comes too late (2.13), when they
    are inputs of the graph already, and nothing is packed. int8 weights stay inputs: frozen, their products end in a
    kernel 700 times slower (AVX-512 VNNI without AMX).

    Args:
        model: fp32, or with torchao's int8 layers when ``dtype`` is int8.
        dtype: bfloat16 compiles a bf16 copy.
    """

    def __init__(self, model: nn.Module, dtype: str, size_bytes: int) -> None:
        import torch

        super().__init__(dtype, size_bytes)
        if not has_compiler():
            raise EngineUnavailableError(f"inductor {NONE_FOUND}")
        model = copy.deepcopy(model).eval().requires_grad_(False)
        self.model = model.bfloat16() if dtype == "bfloat16" else model
        self.compiled = torch.compile(self.model, dynamic=False)

    def run(self, inputs: Inputs) -> np.ndarray:
        import torch

        with torch.inference_mode():
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
        import torch

        frozen = self.dtype != "int8"
        with torch._dynamo.config.patch(NO_SILENT_EAGER), torch._inductor.config.patch(freezing=frozen):  # type: ignore[attr-defined]
            yield

    def close(self) -> None:
        import torch

        torch.compiler.reset()


@dataclass(kw_only=True)
class Inductor(Engine):
    """The exported model through ``torch.compile``."""

    def lacks(self) -> str | None:
        return None if has_compiler() else f"inductor {NONE_FOUND}"

    def candidates(self, model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Runner]]:
        from accel.export.formats import float_copy
        from accel.ops.quantize.quantized_layers import multiplies_int8
        from accel.weights import artifact

        size = artifact.shipped_bytes(folder)
        if multiplies_int8(model):
            return {"int8": partial(InductorRunner, model, "int8", size)}
        forms = ["float32", *(["bfloat16"] if has_bf16_products() else [])]
        plain = float_copy(model)  # freezing reads weight-only layers into the dtype that they compute in anyway
        return {dtype: partial(InductorRunner, plain, dtype, size) for dtype in forms}
