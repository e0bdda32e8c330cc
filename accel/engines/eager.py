"""PyTorch as it is: one kernel after the other.

What it does: calls the model itself, in eval mode, as it was trained; a quantized model with torchao's int8 layers.
Use it when: you want to know what PyTorch users get, and what every speed-up is stated over besides the best engine.
What it costs: nothing to make ready; it is the slowest engine of small models, whose time goes into calls of kernels.
Composes with: everything: there is no model that it cannot run.
Off switch: leave it out of the list.
Reference: https://pytorch.org/docs/stable/

  accel engines=[eager]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accel.core.engine import Engine, Inputs, Runner

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class EagerRunner(Runner):
    """The model called directly."""

    def __init__(self, model: nn.Module, dtype: str, size_bytes: int) -> None:
        super().__init__(dtype, size_bytes)
        self.model = model.eval()

    def run(self, inputs: Inputs) -> np.ndarray:
        import torch

        with torch.inference_mode():
            tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
            return self.model(**tensors).logits.float().numpy()


@dataclass(kw_only=True)
class Eager(Engine):
    """The exported model in PyTorch."""

    ready_s: ClassVar[float] = 8.0

    def candidates(self, model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Runner]]:
        from accel.ops.quantize.quantized_layers import multiplies_int8
        from accel.weights import artifact

        dtype = "int8" if multiplies_int8(model) else "float32"
        return {dtype: partial(EagerRunner, model, dtype, artifact.shipped_bytes(folder))}
